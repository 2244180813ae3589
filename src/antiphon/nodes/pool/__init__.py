"""A processor that grows beyond its machine: workers take its parts from a queue on NATS JetStream."""
