"""What numgd needs from the operating system: files, the folder of compiled code, TBB, warnings."""
