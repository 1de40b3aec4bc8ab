package e2e

import "testing"

func TestEachDisasterOfTheREADMEIsPlayedAndOvercome(t *testing.T) {
	t.Parallel()
	says(t, played(t, "The ceremony", "Disaster"),
		`"sentence":"Suspend member Carol"`,
		// what to copy
		"ent_example: 2 entries verified from the genesis", "copies/gateway-1.db is a copy of ",
		// the gateway's disk, and its database
		"ent_example: made again, to entry 1; rows that differed: 0", "ent_example: made again, to entry 1; rows that differed: 6", "This is a new database.",
		"ent_example: as its log says, to entry 1", "ent_example: made again, to entry 1; rows that differed: 0",
		// the signer's disk
		`"sentence":"Suspend member Bob"`, "LOG_CORRUPT: the log has 2 entries, and the vault's token remembers 3: restore a newer copy",
		"The signer gives no note about its log", "ent_example: 3 entries and 2 requests verified from the genesis",
		"has 3 entries, and the vault's token agrees",
		// the vault's HSM
		`"sentence":"Suspend member Alice"`, "has 4 entries, and the vault's token agrees",
		"ent_example: new keys, and new addresses of 1 account, are in the token, as the log up to entry 3 asks for them. Nothing has changed yet.",
		// a member's token, and the clock
		`"sentence":"Revoke member Carol"`, "You confirm that it is ", "there is nothing to confirm",
		// the log
		"ent_example: 5 entries verified from the genesis", "LOG_CORRUPT: the log is corrupt: entry 4 is missing", "has 5 entries, and the vault's token agrees",
	)
}
