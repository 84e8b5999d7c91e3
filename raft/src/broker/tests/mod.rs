//! Stories of brokers that exchange messages in memory.
