//! The settings of second factors.

use super::{reader::Reader, values::one_of};

/// Who must have a second factor.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "each field is named after its setting, which `read` describes")]
pub struct SecondFactorConfig {
    pub second_factor: SecondFactorRequirement,
}

/// Who must have a second factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecondFactorRequirement {
    /// Nobody.
    Optional,
    /// Staff and superusers.
    Staff,
    /// Everybody.
    Required,
}

impl SecondFactorConfig {
    pub(super) fn read(r: &mut Reader<'_>) -> Self {
        r.section("Second factors", "");
        Self {
            second_factor: r.setting(
                "SECOND_FACTOR",
                "optional",
                "Who must have a second factor: `optional` (nobody), `staff` (staff and superusers) or `required` \
                 (everybody). People who need a second factor but have none can only read their own account, set \
                 up a second factor, and sign out. See [Second \
                 factors](second-factors.md#who-must-have-a-second-factor).",
                |s| {
                    one_of(
                        s,
                        &[
                            ("optional", SecondFactorRequirement::Optional),
                            ("staff", SecondFactorRequirement::Staff),
                            ("required", SecondFactorRequirement::Required),
                        ],
                    )
                },
            ),
        }
    }
}
