"""Rules for main.cf, master.cf and the tables that they name."""
