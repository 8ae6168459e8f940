//! The manager's values that a writer's thread meets, compiled over loom.

#[path = "../../src/server/manager/audience.rs"]
#[allow(dead_code, reason = "only its chunks are used here")]
pub(super) mod audience;
#[path = "../../src/server/manager/backpressure.rs"]
#[allow(dead_code, reason = "some of it is for the manager")]
pub(super) mod backpressure;
#[path = "../../src/server/manager/deferred.rs"]
#[allow(dead_code, reason = "some of it is for the manager")]
pub(super) mod deferred;
#[path = "../../src/server/manager/recipient.rs"]
#[allow(dead_code, reason = "some of it is for the manager")]
pub(super) mod recipient;
#[path = "../../src/server/manager/unsaid.rs"]
#[allow(dead_code, reason = "it is the manager's")]
pub(super) mod unsaid;
