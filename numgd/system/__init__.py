"""What numgd needs of the operating system: files, the folder of compiled code, TBB, warnings."""
