//! The kraftsim command.

fn main() {}
