"""What people ask of one trace: its summary, its outline, the details of a span; each model call counted once."""
