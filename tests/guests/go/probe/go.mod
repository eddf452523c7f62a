module dacapo.dev/tests/probe

go 1.26

require dacapo.dev/sdk v0.0.0

replace dacapo.dev/sdk => ../../../../guest-sdk/go
