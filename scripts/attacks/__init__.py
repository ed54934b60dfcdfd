"""Attacks on a studio of our own, over loopback and bounded: each has an end time and opens few connections."""
