//! Usual kinds of programs, and what the key of each needs.

use keyward_rules::permission::Permission;

/// A usual kind of program.
pub struct Preset {
    /// The word in the address.
    pub word: &'static str,
    /// What it is called.
    pub title: &'static str,
    /// What it fills in.
    pub line: &'static str,
    /// The name of the key.
    pub name: &'static str,
    /// Its permissions.
    pub permissions: &'static [Permission],
    /// Its most requests a second; empty for none.
    pub cap: &'static str,
    /// After how many days it ends; empty for never.
    pub expires: &'static str,
}

/// The presets of the form, in its order. A platform has no preset: its app declares what it needs.
pub const PRESETS: [Preset; 4] = [
    Preset {
        word: "bot",
        title: "Trading bot",
        line: "Read and Trade",
        name: "TradingBot",
        permissions: &[Permission::Read, Permission::Trade],
        cap: "",
        expires: "",
    },
    Preset {
        word: "portfolio",
        title: "Portfolio tracker",
        line: "Read only",
        name: "PortfolioTracker",
        permissions: &[Permission::Read],
        cap: "",
        expires: "",
    },
    Preset {
        word: "treasury",
        title: "Treasury",
        line: "Read, Withdraw and Funding; ends after 90 days",
        name: "Treasury",
        permissions: &[Permission::Read, Permission::Withdraw, Permission::Funding],
        cap: "",
        expires: "90",
    },
    Preset {
        word: "agent",
        title: "Agent",
        line: "Read and Trade, at most 5 requests a second; ends after 30 days",
        name: "Agent",
        permissions: &[Permission::Read, Permission::Trade],
        cap: "5",
        expires: "30",
    },
];
