"""Rules for the machine that an installed Postfix finds: accounts, folders, owners and modes."""
