"""Background work: flush, compaction, deletion, retention."""
