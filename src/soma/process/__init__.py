"""Means that every process of Soma needs: connections, ports, locks, private files, threads."""
