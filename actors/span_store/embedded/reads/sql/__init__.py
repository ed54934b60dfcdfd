"""What users ask in SQL: statements that are looked at before they run, and where they run."""
