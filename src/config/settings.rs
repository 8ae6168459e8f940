//! The macro that declares the settings: one entry holds everything about a setting.
//!
//! An entry is the field of [`Config`](super::Config), and with feature `flags` the flag and its `PARLOR_…`
//! variable:
//!
//! ```text
//! /// The documentation of the field. It is the flag's help too.
//! #[arg(value_name = "N", env = "PARLOR_MAX_ROOMS")]
//! max_rooms: usize = 256, in 1..=65_536;
//! ```
//!
//! - `#[cfg(…)]` between the documentation and the attribute leaves the setting out of other builds.
//! - The attribute is clap's, without `long`. It may be empty.
//! - The value behind `=` is the default.
//! - The bounds behind `in` are a [`Bounds`](super::bounds::Bounds). With them, the flag's parser and its
//!   default follow. Without them, the attribute says how a value is parsed.

/// Declares `Config`, its default, and `within_bounds`.
macro_rules! settings {
    (
        $(#[$of_all:meta])*
        pub struct $Config:ident {
            $(
                $(#[doc = $doc:expr])*
                $(#[cfg($($cfg:tt)*)])?
                #[arg($($arg:tt)*)]
                $name:ident: $Type:ty = $default:expr $(, in $bounds:expr)?;
            )*
        }
    ) => {
        $(#[$of_all])*
        #[derive(Debug, Clone)]
        #[cfg_attr(feature = "flags", derive(clap::Args))]
        pub struct $Config {
            $(
                $(#[doc = $doc])*
                $(#[cfg($($cfg)*)])?
                #[cfg_attr(doc, doc = concat!("\n\nDefault: `", stringify!($default), "`." $(, " Bounds: `", stringify!($bounds), "`.")?))]
                #[cfg_attr(feature = "flags", arg(
                    long,
                    $(
                        value_parser = parser::<$Type, _>($bounds),
                        default_value = {
                            static TEXT: OnceLock<Option<String>> = OnceLock::new();
                            TEXT.get_or_init(|| Setting::text(&$Config::default().$name)).as_deref()
                        },
                    )?
                    $($arg)*
                ))]
                pub $name: $Type,
            )*
        }

        impl Default for $Config {
            fn default() -> Self {
                Self { $($(#[cfg($($cfg)*)])? $name: $default,)* }
            }
        }

        impl $Config {
            /// The same settings, each moved to the nearest value within its bounds.
            /// [`Server::bind`](crate::Server::bind) applies it.
            #[must_use]
            pub fn within_bounds(&self) -> Self {
                let mut near = self.clone();
                $($(near.$name = near.$name.nearest(&$bounds);)?)*
                near
            }
        }

        #[cfg(test)]
        impl $Config {
            /// Settings of random numbers.
            fn random(next: &mut dyn FnMut() -> u64) -> Self {
                Self { $($(#[cfg($($cfg)*)])? $name: tests::Random::random(next),)* }
            }
        }
    };
}

pub(super) use settings;
