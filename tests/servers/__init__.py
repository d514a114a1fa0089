"""The other side, on loopback: real servers with a truth log that coopflow cannot see."""
