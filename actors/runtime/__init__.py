"""The actor system: typed messages, bounded mailboxes, a bus and a supervisor. It knows no domain."""
