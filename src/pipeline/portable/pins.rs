//! Actions with the commit of a version.
//!
//! Sorted by name. Each commit is what the version's tag points at in a copy of the
//! repository, and the version the newest one there. Copies end on different days, which
//! stand at each action: later versions may be out.

/// An action at a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pin {
    /// `owner/name`.
    pub action: &'static str,
    /// The version's tag.
    pub version: &'static str,
    /// The commit it points at.
    pub commit: &'static str,
    /// The day of the newest commit of the copy it was read from: `2026-07-22`.
    pub seen: &'static str,
}

/// When the table was last held against the copies.
pub const DATED: &str = "2026-11-21";

/// All that are known.
pub const PINS: &[Pin] = &[
    Pin {
        action: "actions/cache",
        version: "v5.0.5",
        commit: "27d5ce7f107fe9357f9df03efb73ab90386fccae",
        seen: "2026-05-20",
    },
    Pin {
        action: "actions/checkout",
        version: "v7.0.1",
        commit: "3d3c42e5aac5ba805825da76410c181273ba90b1",
        seen: "2026-07-22",
    },
    Pin {
        action: "actions/download-artifact",
        version: "v8.0.1",
        commit: "3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c",
        seen: "2026-05-03",
    },
    Pin {
        action: "actions/setup-dotnet",
        version: "v6.0.0",
        commit: "a98b56852c35b8e3190ac28c8c2271da59106c68",
        seen: "2026-07-24",
    },
    Pin {
        action: "actions/setup-go",
        version: "v7.0.0",
        commit: "b7ad1dad31e06c5925ef5d2fc7ad053ef454303e",
        seen: "2026-08-20",
    },
    Pin {
        action: "actions/setup-java",
        version: "v5.7.0",
        commit: "b6effb05e454b25005698d916606bdc6ffcbf961",
        seen: "2026-08-20",
    },
    Pin {
        action: "actions/setup-node",
        version: "v7.0.0",
        commit: "820762786026740c76f36085b0efc47a31fe5020",
        seen: "2026-08-18",
    },
    Pin {
        action: "actions/setup-python",
        version: "v7.0.0",
        commit: "5fda3b95a4ea91299a34e894583c3862153e4b97",
        seen: "2026-07-24",
    },
    Pin {
        action: "actions/upload-artifact",
        version: "v7.0.0",
        commit: "bbbca2ddaa5d8feaa63e36b76fdaad77386f024f",
        seen: "2026-03-01",
    },
    Pin {
        action: "aquasecurity/trivy-action",
        version: "v0.36.0",
        commit: "ed142fd0673e97e23eac54620cfb913e5ce36c25",
        seen: "2026-07-01",
    },
    Pin {
        action: "astral-sh/setup-uv",
        version: "v10.0.1",
        commit: "20cfd1bf945f4377ade1205e4dbc17946fc9a30d",
        seen: "2026-08-20",
    },
    Pin {
        action: "aws-actions/configure-aws-credentials",
        version: "v6.2.3",
        commit: "e6de054238d6b7531b4efff3b6587d9aade6a06c",
        seen: "2026-08-18",
    },
    Pin {
        action: "azure/login",
        version: "v3.0.1",
        commit: "f5d393ae46f8fde4be8b75f32e3fc50e654ad0ca",
        seen: "2026-08-07",
    },
    Pin {
        action: "azure/setup-helm",
        version: "v5.0.1",
        commit: "9bc31f4ebc9c6b171d7bfbaa5d006ae7abdb4310",
        seen: "2026-08-04",
    },
    Pin {
        action: "docker/build-push-action",
        version: "v7.3.0",
        commit: "53b7df96c91f9c12dcc8a07bcb9ccacbed38856a",
        seen: "2026-07-23",
    },
    Pin {
        action: "docker/login-action",
        version: "v4.1.0",
        commit: "4907a6ddec9925e35a0a9e82d7399ccc52663121",
        seen: "2026-04-29",
    },
    Pin {
        action: "docker/setup-buildx-action",
        version: "v4.3.0",
        commit: "37fe631027851001ddb9b187196cc803df7f5f0e",
        seen: "2026-08-18",
    },
    Pin {
        action: "docker/setup-qemu-action",
        version: "v4.2.0",
        commit: "96fe6ef7f33517b61c61be40b68a1882f3264fb8",
        seen: "2026-07-02",
    },
    Pin {
        action: "google-github-actions/auth",
        version: "v3.0.0",
        commit: "7c6bc770dae815cd3e89ee6cdf493a5fab2cc093",
        seen: "2025-09-03",
    },
    Pin {
        action: "hashicorp/setup-terraform",
        version: "v4.0.1",
        commit: "dfe3c3f87815947d99a8997f908cb6525fc44e9e",
        seen: "2026-07-22",
    },
    Pin {
        action: "oven-sh/setup-bun",
        version: "v2.2.0",
        commit: "0c5077e51419868618aeaa5fe8019c62421857d6",
        seen: "2026-03-15",
    },
    Pin {
        action: "pnpm/action-setup",
        version: "v4.0.0",
        commit: "fe02b34f77f8bc703788d5817da081398fad5dd2",
        seen: "2025-01-21",
    },
    Pin {
        action: "ruby/setup-ruby",
        version: "v1.315.0",
        commit: "0dafeac902942906541bc140009cdbf32665b601",
        seen: "2026-06-30",
    },
    Pin {
        action: "shivammathur/setup-php",
        version: "2.37.2",
        commit: "f3e473d116dcccaddc5834248c87452386958240",
        seen: "2026-08-22",
    },
];

/// The pin of an action, names compared without case.
pub fn pin(action: &str) -> Option<&'static Pin> {
    PINS.iter().find(|pin| pin.action.eq_ignore_ascii_case(action))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_are_whole_commits_of_versions_in_order() {
        for pair in PINS.windows(2) {
            assert!(pair[0].action < pair[1].action);
        }
        for pin in PINS {
            assert_eq!(pin.commit.len(), 40, "{pin:?}");
            assert!(pin.commit.bytes().all(|b| b.is_ascii_hexdigit()), "{pin:?}");
            assert_eq!(pin.version.split('.').count(), 3, "{pin:?}");
            assert!(pin.seen.len() == DATED.len() && pin.seen <= DATED, "{pin:?}");
        }
        assert_eq!(pin("Actions/Checkout").map(|pin| pin.action), Some("actions/checkout"));
        assert_eq!(pin("nobody/nothing"), None);
    }
}
