"""The tests. A package, so that no library that wrongly installs a folder named tests can stand in its place."""
