//! What the repository itself must hold: the layout of its crates, the rules that its code cites, and the examples
//! that its documents print.

mod citations;
mod examples;
mod house;
