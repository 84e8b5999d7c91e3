//! Stories of a Kafka cluster as tests of a crate outside the workspace.

#[cfg(test)]
mod tests {
    use scenarios::catalog;
    use scenarios::story::{Cluster, Story, StoryError};

    /// Records that were acknowledged stay readable when the leader of their partition dies.
    async fn a_leader_dies(c: Cluster) -> Result<(), StoryError> {
        c.create_topic("topic-0").await?;
        let mut sent = c.produce("topic-0", 0, 3).await?;
        let leader = c.leader_of("topic-0", 0).await?;
        c.kill(leader, 20_000).await?;
        c.wait_for_partition_leader_other_than(leader, "topic-0", 0).await?;
        sent.extend(c.produce("topic-0", 0, 3).await?);
        assert_eq!(c.consume("topic-0", 0, sent[5].offset).await?, sent);
        Ok(())
    }

    #[test]
    fn acknowledged_records_survive_the_leader() -> Result<(), Box<dyn std::error::Error>> {
        let scenario = catalog::find("calm").ok_or("not in the catalog")?.scenario()?;
        for seed in 0..3 {
            let story = Story::new(&scenario, seed);
            let run = story.tell(a_leader_dies)?;
            run.holds()?;
            // The recording of the story is data: without the story it gives the same run.
            assert_eq!(story.replay(&run.recording)?.digest, run.report.digest);
        }
        Ok(())
    }
}
