"""Attacks on a studio of our own, over loopback and bounded: each goes on until a moment, and opens few connections."""
