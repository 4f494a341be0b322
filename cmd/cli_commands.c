/* SPDX-License-Identifier: MIT */
/* cli_commands - the commands of `filesphere` as rows.  Layer cmd. */
#include "cmd/cli_common.h"

/* In the order of the lists for people; a heading begins a section. */
const cli_command_t cli_commands[] = {
    {
        .heading = "Contents",
        .name = "put",
        .options = "recursive no-replace if-none-match replace if-match edit base message lease "
                   "checksum exclude strict dry-run receipt progress",
        .operands = "LOCAL... REMOTE",
        .summary = "store files; LOCAL '-' is standard input",
        .example = "filesphere put report.pdf /docs/report.pdf",
        .run = cli_put,
    },
    {
        .name = "get",
        .options = "recursive version range at checksum exclude dry-run progress no-glob",
        .operands = "REMOTE... LOCAL",
        .summary = "fetch files; LOCAL '-' is standard output",
        .example = "filesphere get -r /docs ./docs",
        .flags = CLI_GLOBS,
        .run = cli_get,
    },
    {
        .name = "sync",
        .options = "direction down checksum delete yes exclude strict dry-run at message progress",
        .operands = "LOCAL REMOTE",
        .summary = "make one tree like the other: REMOTE like LOCAL, or with --down LOCAL like "
                   "REMOTE",
        .details =
            "What has the same size and time of modification on both sides is taken for the same; "
            "--checksum compares contents instead. A line for each thing that is done: put, get, "
            "mkdir, attr (only mode or time), delete.\n\n"
            "With --delete, what is on the other side only goes: remotely to the trash, locally "
            "for good. It asks for that first, or takes --yes. What is excluded stays, and so do "
            "the directories that it is in.\n\n"
            "Interrupted, what was done stays; the same command goes on.",
        .example = "filesphere sync --exclude '*.o' --exclude .git/ ./work /backup/work\n"
                   "filesphere sync --down --delete --dry-run ./work /backup/work",
        .run = cli_sync,
    },
    {
        .name = "check",
        .options = "exclude at progress",
        .operands = "[LOCAL] REMOTE",
        .summary = "compare a local tree with a remote one, or read back what is stored",
        .details =
            "Of two trees: names, kinds, modes, targets of links, and the SHA-256 of every "
            "content, which is computed here and named by the node there. A line for each "
            "difference: only-local, only-remote, kind, size, content, target, mode. The exit code "
            "is 7 if there are any.\n\n"
            "Of REMOTE alone: every content is fetched and verified, nothing is written. The exit "
            "code is 10 if a content is damaged.",
        .example = "filesphere check ./work /backup/work\nfilesphere check /backup",
        .run = cli_check,
    },
    {
        .name = "cat",
        .options = "version range at no-glob",
        .operands = "REMOTE...",
        .summary = "write contents to standard output (with --json, lines go to stderr)",
        .example = "filesphere cat --range 0-99 /docs/report.pdf",
        .flags = CLI_GLOBS,
        .run = cli_cat,
    },
    {
        .heading = "Names",
        .name = "ls",
        .options = "long prefix at no-glob",
        .operands = "[REMOTE...]",
        .summary = "list directories",
        .example = "filesphere ls --at -2h /docs",
        .flags = CLI_GLOBS,
        .run = cli_ls,
    },
    {
        .name = "stat",
        .options = "version at no-glob",
        .operands = "REMOTE...",
        .summary = "show what is known about files and directories",
        .example = "filesphere stat --json /docs/report.pdf",
        .flags = CLI_GLOBS,
        .run = cli_stat,
    },
    {
        .name = "tree",
        .options = "depth long at no-glob",
        .operands = "[REMOTE...]",
        .summary = "draw directories with all that is in them",
        .example = "filesphere tree --depth 2 /docs",
        .flags = CLI_GLOBS,
        .run = cli_tree,
    },
    {
        .name = "find",
        .options = "name type larger smaller newer older depth at no-glob",
        .operands = "[REMOTE]",
        .summary = "find files and directories below a path",
        .details = "REMOTE may be a pattern; a part '**' of it stands for any number of "
                   "directories.  All conditions have to hold.",
        .example = "filesphere find /docs --name '*.pdf' --larger 10M --newer -7d\n"
                   "filesphere find '/docs/**/draft-*.txt'",
        .run = cli_find,
    },
    {
        .name = "du",
        .options = "summary depth at no-glob",
        .operands = "[REMOTE...]",
        .summary = "show how many bytes lie below directories",
        .example = "filesphere du --depth 1 /",
        .flags = CLI_GLOBS,
        .run = cli_du,
    },
    {
        .name = "mkdir",
        .options = "parents",
        .operands = "REMOTE...",
        .summary = "make directories",
        .example = "filesphere mkdir -p /docs/2026/november",
        .run = cli_mkdir,
    },
    {
        .name = "mv",
        .options = "no-replace no-glob",
        .operands = "REMOTE... REMOTE",
        .summary = "move or rename; missing parents are made",
        .example = "filesphere mv /docs/report.pdf /archive/",
        .flags = CLI_GLOBS,
        .run = cli_mv,
    },
    {
        .name = "cp",
        .options = "recursive no-replace no-glob",
        .operands = "REMOTE... REMOTE",
        .summary = "copy files inside the mesh; missing parents are made",
        .example = "filesphere cp /docs/report.pdf /docs/report-2.pdf",
        .flags = CLI_GLOBS,
        .run = cli_cp,
    },
    {
        .name = "rm",
        .options = "recursive no-glob",
        .operands = "REMOTE...",
        .summary = "remove; what is removed goes to the trash",
        .example = "filesphere rm -r /docs/old",
        .flags = CLI_GLOBS,
        .run = cli_rm,
    },
    {
        .heading = "History",
        .group = "version",
        .name = "ls",
        .options = "",
        .operands = "REMOTE",
        .summary = "list the versions of a file, newest first",
        .example = "filesphere version ls /docs/report.pdf",
        .run = cli_version_ls,
    },
    {
        .group = "version",
        .name = "show",
        .options = "",
        .operands = "REMOTE VERSION",
        .summary = "show what is known about one version",
        .example = "filesphere version show /docs/report.pdf 3f9a51c07b2e",
        .run = cli_version_show,
    },
    {
        .group = "version",
        .name = "restore",
        .options = "version",
        .operands = "REMOTE [VERSION]",
        .summary = "make an older version the newest again",
        .example = "filesphere version restore /docs/report.pdf 3f9a51c07b2e",
        .run = cli_version_restore,
    },
    {
        .group = "version",
        .name = "rm",
        .options = "yes",
        .operands = "REMOTE VERSION...",
        .summary = "drop the content of older versions for good; their place in the history stays",
        .example = "filesphere version rm --yes /docs/report.pdf 3f9a51c07b2e",
        .run = cli_version_rm,
    },
    {
        .group = "version",
        .name = "diff",
        .options = "",
        .operands = "REMOTE VERSION [VERSION]",
        .summary = "show what changed from a version to another, or to the present one",
        .details =
            "Texts are compared by diff(1); of binary contents, only that they differ is said.",
        .example = "filesphere version diff /docs/notes.txt 3f9a51c07b2e",
        .run = cli_version_diff,
    },
    {
        .name = "undo",
        .options = "dry-run",
        .operands = "REMOTE",
        .summary = "take back the last change of a path",
        .details = "A put makes the version before the newest again, or sends a new file to the "
                   "trash; what was removed comes out of the trash; what was moved goes back, and "
                   "what it displaced returns; a copy goes to the trash; a directory that was made "
                   "goes if it is empty.\n\nTaking back is a change itself: undo twice, and the "
                   "change is there again.  Changes of many things in one batch are only taken "
                   "back if one of them concerns the path.",
        .example = "filesphere undo --dry-run /docs/report.pdf\nfilesphere undo /docs/report.pdf",
        .run = cli_undo,
    },
    {
        .group = "trash",
        .name = "ls",
        .options = "long",
        .operands = "[SPACE:/]",
        .summary = "list what was removed, and from where, oldest first",
        .example = "filesphere trash ls",
        .run = cli_trash_ls,
    },
    {
        .group = "trash",
        .name = "restore",
        .options = "parents",
        .operands = "ITEM|REMOTE [REMOTE]",
        .summary = "take something out of the trash, by its number or by where it was",
        .example = "filesphere trash restore /docs/report.pdf",
        .run = cli_trash_restore,
    },
    {
        .group = "trash",
        .name = "empty",
        .options = "older-than yes",
        .operands = "[SPACE:/]",
        .summary = "drop for good what lies in the trash",
        .example = "filesphere trash empty --older-than 30d --yes",
        .run = cli_trash_empty,
    },
    {
        .name = "changes",
        .options = "after",
        .operands = "[SPACE:/]",
        .summary = "list the changes of a space, oldest first",
        .example = "filesphere changes --after 120 --json",
        .run = cli_changes,
    },
    {
        .name = "watch",
        .options = "after count",
        .operands = "[REMOTE]",
        .summary = "show changes as they happen, below a path; until interrupted",
        .example = "filesphere watch --json /docs",
        .run = cli_watch,
    },
    {
        .heading = "Several writers",
        .name = "heads",
        .options = "",
        .operands = "REMOTE",
        .summary = "show the versions of a file that stand side by side",
        .details =
            "Writers that change one version at the same time (put --edit) all keep what they "
            "wrote: their versions are heads of the file.  merge makes one of them.",
        .example = "filesphere heads /docs/report.pdf",
        .run = cli_heads,
    },
    {
        .name = "merge",
        .options = "take from head message",
        .operands = "REMOTE",
        .summary = "make one version of several heads",
        .details = "The new version takes the place of exactly the heads that are there when it "
                   "begins; if another one comes meanwhile, it fails and nothing is stored.",
        .example = "filesphere merge /docs/report.pdf --take 3f9a51c07b2e\n"
                   "filesphere merge /docs/notes.txt --from merged.txt",
        .run = cli_merge,
    },
    {
        .name = "lock",
        .options = "for",
        .operands = "REMOTE",
        .summary = "take the lease of a file and print its token",
        .details =
            "A lease parts accounts: while it lasts, others cannot put to the file. All client "
            "keys of one account hold it together, and each lock gives a new token. So that a put "
            "fails if anybody else came between, another key of the account too, name the token: "
            "put --lease TOKEN.",
        .example = "filesphere lock --for 10m /docs/report.pdf\n"
                   "filesphere put --lease 127 report.pdf /docs/report.pdf",
        .run = cli_lock,
    },
    {
        .name = "renew",
        .options = "for",
        .operands = "REMOTE TOKEN",
        .summary = "let a lease last longer",
        .example = "filesphere renew --for 10m /docs/report.pdf 127",
        .run = cli_renew,
    },
    {
        .name = "unlock",
        .options = "force",
        .operands = "REMOTE [TOKEN]",
        .summary = "give a lease back, or end it with --force",
        .example = "filesphere unlock /docs/report.pdf 127",
        .run = cli_unlock,
    },
    {
        .name = "batch",
        .options = "",
        .operands = "FILE [SPACE:/]",
        .summary =
            "do many things at once or none of them: one JSON object a line, '-' is standard "
            "input",
        .example = "echo '{\"op\":\"move\",\"path\":\"/a\",\"to\":\"/b\"}' | filesphere batch -",
        .run = cli_batch,
    },
    {
        .heading = "Mesh",
        .group = "space",
        .name = "create",
        .options = "quota chunk-size",
        .operands = "NAME",
        .summary = "make a space",
        .example = "filesphere space create --quota 10G team",
        .run = cli_space_create,
    },
    {
        .group = "space",
        .name = "ls",
        .options = "long",
        .operands = "",
        .summary = "list the spaces",
        .example = "filesphere space ls",
        .run = cli_space_ls,
    },
    {
        .group = "space",
        .name = "show",
        .options = "",
        .operands = "[SPACE]",
        .summary = "show the settings and the state of a space",
        .example = "filesphere space show team",
        .run = cli_space_show,
    },
    {
        .group = "space",
        .name = "set",
        .options =
            "quota keep-last keep-days keep-daily keep-weekly keep-monthly past-days keep-all",
        .operands = "SPACE",
        .summary = "change what a space may hold, and what it keeps of old versions",
        .details = "A version is kept as long as one of the rules keeps it; without rules all are. "
                   " The newest one is always kept.  With rules for versions, what lies in the "
                   "trash goes for good after 30 days, or after the longest time that they speak "
                   "of; without, it stays.  What is not named stays as it is; 0 takes a rule or "
                   "the quota away.",
        .example = "filesphere space set team --quota 50G --keep-last 10 --keep-days 30",
        .run = cli_space_set,
    },
    {
        .group = "space",
        .name = "rm",
        .options = "delay now cancel yes",
        .operands = "SPACE",
        .summary = "remove a space: read only at once, its content goes for good after the delay",
        .example = "filesphere space rm --delay 30d team",
        .run = cli_space_rm,
    },
    {
        .group = "space",
        .name = "collect",
        .options = "",
        .operands = "[SPACE]",
        .summary = "look now for stored bytes that nobody needs any more",
        .details = "One round of garbage collection, to its end, which may take minutes.  The node "
                   "does this by itself; what no version needs goes from the disk two rounds after "
                   "it was last touched.",
        .example = "filesphere space collect team",
        .run = cli_space_collect,
    },
    {
        .group = "key",
        .name = "add",
        .options = "out",
        .operands = "NAME",
        .summary = "let another client in: make a key, and a profile with it",
        .details = "Whoever has the new profile can do what this one can.  Give it away over a "
                   "safe channel.",
        .example = "filesphere key add laptop --out laptop.profile",
        .run = cli_key_add,
    },
    {
        .group = "key",
        .name = "ls",
        .options = "",
        .operands = "",
        .summary = "list the keys that may connect",
        .example = "filesphere key ls",
        .run = cli_key_ls,
    },
    {
        .group = "key",
        .name = "rm",
        .options = "yes",
        .operands = "KEY",
        .summary = "shut a client out: by the name of its key, or by 8 to 64 digits of it",
        .example = "filesphere key rm laptop --yes",
        .run = cli_key_rm,
    },
    {
        .group = "node",
        .name = "show",
        .options = "",
        .operands = "",
        .summary = "show the state of the node",
        .example = "filesphere node show --json",
        .run = cli_node_show,
    },
    {
        .heading = "This program",
        .group = "profile",
        .name = "ls",
        .options = "",
        .operands = "",
        .summary = "list the profiles; * marks the one in use",
        .example = "filesphere profile ls",
        .flags = CLI_OFFLINE,
        .run = cli_profile_ls,
    },
    {
        .group = "profile",
        .name = "add",
        .options = "",
        .operands = "NAME FILE",
        .summary = "keep a profile under a name; the first one is used at once",
        .details = "The file is copied to ~/.config/filesphere/profiles/NAME (or below "
                   "$XDG_CONFIG_HOME), readable by its owner only.",
        .example = "filesphere profile add home ~/filesphere/admin.profile",
        .flags = CLI_OFFLINE,
        .run = cli_profile_add,
    },
    {
        .group = "profile",
        .name = "use",
        .options = "",
        .operands = "PROFILE",
        .summary = "choose the profile that is used without --profile",
        .example = "filesphere profile use work",
        .flags = CLI_OFFLINE,
        .run = cli_profile_use,
    },
    {
        .group = "profile",
        .name = "rm",
        .options = "yes",
        .operands = "PROFILE",
        .summary = "forget a profile and the key in it",
        .example = "filesphere profile rm old --yes",
        .flags = CLI_OFFLINE,
        .run = cli_profile_rm,
    },
    {
        .group = "receipt",
        .name = "show",
        .options = "",
        .operands = "FILE",
        .summary = "show what a receipt says, whoever signed it",
        .details = "A receipt is the signed word of a node that a version was durable.  FILE is "
                   "what put --receipt wrote, or the digits that --json shows as \"signed\".",
        .example = "filesphere receipt show report.receipt",
        .flags = CLI_OFFLINE,
        .run = cli_receipt_show,
    },
    {
        .group = "receipt",
        .name = "verify",
        .options = "",
        .operands = "FILE",
        .summary = "verify a receipt by the node's key in the profile; needs no node",
        .example = "filesphere receipt verify report.receipt",
        .flags = CLI_OFFLINE,
        .run = cli_receipt_verify,
    },
    {
        .name = "completion",
        .options = "",
        .operands = "SHELL",
        .summary = "print what makes bash, zsh or fish complete commands and paths",
        .example = "source <(filesphere completion bash)\nfilesphere completion zsh > "
                   "~/.zfunc/_filesphere\nfilesphere completion fish > "
                   "~/.config/fish/completions/filesphere.fish",
        .flags = CLI_OFFLINE,
        .run = cli_completion,
    },
    {
        .name = "__complete",
        .options = "",
        .operands = "[WORD...]",
        .summary = "what may stand at the end of a command line",
        .example = "filesphere __complete -- ls /d",
        .flags = CLI_OFFLINE | CLI_HIDDEN,
        .run = cli_complete,
    },
    {
        .name = "__man",
        .options = "",
        .operands = "[PAGE]",
        .summary = "print a manual page, or without operand the names of all",
        .example = "filesphere __man filesphere-put",
        .flags = CLI_OFFLINE | CLI_HIDDEN,
        .run = cli_man,
    },
    {
        .name = "help",
        .options = "",
        .operands = "[COMMAND...]",
        .summary = "show how a command is used",
        .example = "filesphere help version restore",
        .flags = CLI_OFFLINE,
        .run = cli_help,
    },
};
const size_t cli_command_count = sizeof cli_commands / sizeof cli_commands[0];
