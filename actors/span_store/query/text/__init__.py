"""What a text is to be found by: its spellings, its n-grams, and the columns that are searched."""
