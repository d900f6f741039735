"""What every process of Soma does alike: connections, ports, locks, private files, threads."""
