"""What people, programs and models think of traces."""
