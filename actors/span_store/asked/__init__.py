"""What is asked of many spans together: messages of the span store and their values, beside ``messages``."""
