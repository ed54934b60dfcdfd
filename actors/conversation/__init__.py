"""What any span of any convention said: its messages, tools and parameters, in one form. Nothing here holds state."""
