//! Tests of the repository itself: the layout of its crates, the rules that its code cites, and the examples
//! that its documents print.

mod circles;
mod citations;
mod examples;
mod house;
mod source;
