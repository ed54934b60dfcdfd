"""Text search: the n-gram index that rules segments out, and what a text matches."""
