/* SPDX-License-Identifier: MIT */
/* cli_shells - `filesphere completion`: the stubs for bash, zsh and fish.  Layer cmd.
 *
 * They only carry words to `filesphere __complete` and candidates back (cli_completion.c).
 */
#include "cmd/cli_help.h"

static const char BASH[] =
    "# bash completion of filesphere\n"
    "_filesphere() {\n"
    "    # COMP_WORDS is split at ':' and '=', too: words are put together again as they stand in "
    "the line.\n"
    "    local IFS=$' \\t\\n' rest=${COMP_LINE:0:COMP_POINT} words=() word i line value cut "
    "quote=\"\"\n"
    "    for ((i = 0; i <= COMP_CWORD; i++)); do\n"
    "        word=${COMP_WORDS[i]}\n"
    "        if ((i == 0)) || [[ $rest == [[:blank:]]* || -z $rest && -z $word ]]; then\n"
    "            rest=${rest#\"${rest%%[![:blank:]]*}\"}\n"
    "            words+=(\"\")\n"
    "        fi\n"
    "        ((i == COMP_CWORD)) && word=$rest\n"
    "        words[${#words[@]}-1]+=$word\n"
    "        rest=${rest#\"$word\"}\n"
    "    done\n"
    "    [[ ${words[${#words[@]}-1]} == [\\'\\\"]* ]] && quote=${words[${#words[@]}-1]:0:1}\n"
    "    for i in \"${!words[@]}\"; do\n"
    "        word=${words[i]#[\\'\\\"]}\n"
    "        word=${word%[\\'\\\"]}\n"
    "        words[i]=${word//\\\\/}\n"
    "    done\n"
    "    word=${words[${#words[@]}-1]}\n"
    "    # What readline takes for words before the present one is there already.\n"
    "    cut=\"\"\n"
    "    [[ $word == *[:=]* && $COMP_WORDBREAKS == *:* ]] && cut=${word%\"${word##*[:=]}\"}\n"
    "    COMPREPLY=()\n"
    "    while IFS= read -r line; do\n"
    "        if [[ $line == :files ]]; then\n"
    "            compopt -o filenames 2>/dev/null # which quotes by itself\n"
    "            quote=files\n"
    "            while IFS= read -r value; do COMPREPLY+=(\"$value\"); done < <(compgen -f -- "
    "\"${word#\"$cut\"}\")\n"
    "            continue\n"
    "        fi\n"
    "        value=${line%%$'\\t'*}\n"
    "        [[ $value == *[/:=] ]] && compopt -o nospace 2>/dev/null\n"
    "        value=${value#\"$cut\"}\n"
    "        # Within quotes readline closes them, so nothing may be in it that is special there; "
    "else "
    "it is\n"
    "        # escaped.\n"
    "        [[ $quote == [\\'\\\"] && $value == *[\\'\\\"\\$\\`\\\\]* ]] && continue\n"
    "        [[ $quote ]] || printf -v value %q \"$value\"\n"
    "        COMPREPLY+=(\"$value\")\n"
    "    done < <(\"${COMP_WORDS[0]}\" __complete -- \"${words[@]:1}\" 2>/dev/null)\n"
    "}\n"
    "complete -F _filesphere filesphere\n";

static const char ZSH[] =
    "#compdef filesphere\n"
    "# zsh completion of filesphere\n"
    "_filesphere() {\n"
    "    local line value\n"
    "    local -a values shown open open_shown\n"
    "    for line in \"${(@f)$(\"$words[1]\" __complete -- \"${(@Q)words[2,CURRENT]}\" "
    "2>/dev/null)}\"; do\n"
    "        [[ -z $line ]] && continue\n"
    "        if [[ $line == :files ]]; then\n"
    "            _files\n"
    "            continue\n"
    "        fi\n"
    "        value=${line%%$'\\t'*}\n"
    "        if [[ $value == *[/:=] ]]; then\n"
    "            open+=(\"$value\")\n"
    "            open_shown+=(\"${line/$'\\t'/  -- }\")\n"
    "        else\n"
    "            values+=(\"$value\")\n"
    "            shown+=(\"${line/$'\\t'/  -- }\")\n"
    "        fi\n"
    "    done\n"
    "    (( $#values )) && compadd -l -d shown -a values\n"
    "    (( $#open )) && compadd -S '' -l -d open_shown -a open\n"
    "}\n"
    "if [[ $zsh_eval_context[-1] == loadautofunc ]]; then\n"
    "    _filesphere \"$@\"\n"
    "else\n"
    "    compdef _filesphere filesphere\n"
    "fi\n";

static const char FISH[] = "# fish completion of filesphere\n"
                           "function __filesphere_complete\n"
                           "    set -l words (commandline -opc) (commandline -ct)\n"
                           "    for line in ($words[1] __complete -- $words[2..-1] 2>/dev/null)\n"
                           "        if test \"$line\" = :files\n"
                           "            __fish_complete_path (commandline -ct)\n"
                           "        else\n"
                           "            echo $line\n"
                           "        end\n"
                           "    end\n"
                           "end\n"
                           "complete -c filesphere -f -a '(__filesphere_complete)'\n";

int
cli_completion(cli_t *cli)
{
    const char *shell = cli->operands[0];
    const char *script = strcmp(shell, "bash") == 0   ? BASH
                         : strcmp(shell, "zsh") == 0  ? ZSH
                         : strcmp(shell, "fish") == 0 ? FISH
                                                      : NULL;
    if (!script) {
        cli_fail_status(cli, FSP_INVALID, "%.80s: give bash, zsh or fish", shell);
        return cli_finish(cli);
    }
    fsp_buf_t text;
    fsp_buf_init(&text, 64 * 1024);
    fsp_buf_append(&text, script, strlen(script));
    cli_print_text(cli, &text);
    return cli_finish(cli);
}
