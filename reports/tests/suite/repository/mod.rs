//! Tests of the repository itself: the layout of its crates, its words, the rules that its code cites, and the examples
//! that its documents print.

mod circles;
mod citations;
mod examples;
mod layout;
mod source;
mod words;
