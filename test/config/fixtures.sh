# shellcheck shell=bash
# What the configurations here name: keys and other files. Source it; DETOURD is the program.
#
# @DIR@ stands for the directory with them, @PUBLIC-KEY@ for the public key of its good.key, @RELAY-KEY@ for a relay's. What
# is judged of the machine must be so on each: lo, sh and 127.0.0.1 are there; no-such0, no-such.slice and 203.0.113.77 are
# not.

# such public keys look like no private key, as 31 of 32 do
RELAY_KEY=CQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
OTHER_KEY=AwAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=

# fixtures_make DIR
fixtures_make() (
	umask 077
	cd "$1" || exit
	"$DETOURD" genkey >good.key
	"$DETOURD" pubkey <good.key >good.pub
	echo nonsense >garbage.key
	cp good.key open.key
	chmod 644 open.key
	echo AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= >zero.key
	echo $OTHER_KEY >public.key
	echo $RELAY_KEY >relay.key
	mkdir dir
	touch file empty
)
# fixtures_fill DIR FILE: prints the configuration with them
fixtures_fill() { sed "s|@DIR@|$1|; s|@PUBLIC-KEY@|$(cat "$1/good.pub")|; s|@RELAY-KEY@|$RELAY_KEY|" "$2"; }
