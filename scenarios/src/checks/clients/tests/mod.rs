//! For each rule a good history that passes, and the same with one answer altered that does not.
