//! The order in which a Java `HashSet` of partitions is gone through, where Kafka's behaviour follows from it.

use std::rc::Rc;

use crate::client::TopicPartition;

/// Sorts partitions as `new HashSet<>(requested)` yields them after others were removed: `requested` is their number
/// at first. Partitions of one bucket are taken by number, in Kafka by when they were put in.
pub(super) fn sort_as_hash_set(partitions: &mut [TopicPartition], requested: usize, names: &[Rc<str>]) {
    // `HashSet(Collection)`, `HashMap.tableSizeFor`
    let buckets = (requested * 4 / 3 + 1).max(16).next_power_of_two() as u32;
    partitions.sort_by_key(|partition| {
        let name = names.get(usize::from(partition.topic)).map_or("", |name| name);
        let hash = hash_code(name, partition.partition) as u32;
        ((hash ^ hash >> 16) & (buckets - 1), *partition)
    });
}

/// Kafka's `TopicPartition.hashCode`.
fn hash_code(name: &str, partition: i32) -> i32 {
    let of_name = name.encode_utf16().fold(0_i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(unit.into()));
    31_i32.wrapping_add(partition).wrapping_mul(31).wrapping_add(of_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Java 17 prints of a `HashSet` of these, with `TopicPartition`'s hash code.
    #[test]
    fn partitions_come_as_in_java() {
        let names: [Rc<str>; 2] = [Rc::from("topic-0"), Rc::from("passing-1")];
        let of = |topic: u16| (0..3).map(move |partition| TopicPartition { topic, partition });
        let mut partitions: Vec<_> = of(0).chain(of(1)).collect();
        sort_as_hash_set(&mut partitions, 6, &names);
        let seen: Vec<_> =
            partitions.iter().map(|it| format!("{}-{}", names[usize::from(it.topic)], it.partition)).collect();
        let printed = ["passing-1-0", "passing-1-1", "passing-1-2", "topic-0-2", "topic-0-1", "topic-0-0"];
        assert_eq!(seen, printed);
    }
}
