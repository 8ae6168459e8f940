//! The help: the list of commands, and one command.

use super::wrap::Page;
use crate::protocol::{COMMANDS, CommandSpec};

/// The list of commands, in at most 12 lines: two columns of common commands with a few words each, then
/// the names of the rest.
pub(super) fn list(page: &mut Page<'_>) {
    let (main, rest) = COMMANDS.split_at(CommandSpec::EXPLAINED.min(COMMANDS.len()));
    page.info(format_args!("Type to talk. Commands (beginnings suffice; /help COMMAND tells more):"));
    for pair in main.chunks(2) {
        let cells: Vec<String> =
            pair.iter().map(|spec| format!("{:<37}", format!("{:<17} {}", spec.usage(), spec.brief))).collect();
        page.info(format_args!("{}", cells.concat().trim_end()));
    }
    let rest: Vec<String> = rest.iter().map(|spec| format!("/{}", spec.name)).collect();
    page.info(format_args!("and {}", rest.join(" ")));
    page.info(format_args!("who, rename|NAME, help and quit work bare; \\who says \"who\", //x says \"/x\"."));
}

/// One command: its usage, its other names, and what it does.
pub(super) fn one(spec: &CommandSpec, page: &mut Page<'_>) {
    if spec.aliases.is_empty() {
        page.info(format_args!("{}", spec.usage()));
    } else {
        page.info(format_args!("{}  (also /{})", spec.usage(), spec.aliases.join(", /")));
    }
    page.info(format_args!("  {}", spec.help));
}
