print("MARK hello from the sources")
