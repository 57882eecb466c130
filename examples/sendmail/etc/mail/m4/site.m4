divert(-1)
What holds for every server of example.com.
divert(0)dnl
define(`confLOG_LEVEL', `9')dnl
define(`confTO_IDENT', `0')dnl
define(`confTO_QUEUERETURN', `5d')dnl
define(`confTO_QUEUEWARN', `4h')dnl
