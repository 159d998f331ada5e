/* SPDX-License-Identifier: BSD-2-Clause
 * conv2d completion: scripts that complete commands, options and values in bash, zsh and fish, made
 * from the tables of commands and options. Words and help texts of these tables have no quotes and
 * no brackets that a shell could misread; what they have is escaped here. */
#include <stdio.h>
#include <string.h>

#include "options.h"

/* First line of a help text, with the characters of `special` escaped by a backslash. */
static void print_first_line(const char *text, const char *special)
{
    for (; *text && *text != '\n'; text++) {
        if (strchr(special, *text))
            putchar('\\');
        if (*text == '\'')
            printf("'\\'");
        putchar(*text);
    }
}

/* Operands of a command: words, or NULL for files. */
static const char *operand_words(const cli_command *command)
{
    return command == &cli_command_completion ? "bash zsh fish" : NULL;
}

/* ---- bash ----------------------------------------------------------------------------------- */

static void print_bash_options(const cli_command *command)
{
    option_info option;
    printf("        %s) words='--help -h", command->name);
    for (int i = 0; options_info(command, i, &option); i++) {
        printf(" --%s", option.name);
        if (option.letter)
            printf(" -%c", option.letter);
    }
    printf("' ;;\n");
}

static void print_bash_values(const cli_command *command)
{
    option_info option;
    for (int i = 0; options_info(command, i, &option); i++) {
        if (!option.argument)
            continue;
        printf("        '%s --%s'", command->name, option.name);
        if (option.letter)
            printf("|'%s -%c'", command->name, option.letter);
        if (option.words)
            printf(") words='%s' files= ;;\n", option.words);
        else
            printf(") files=yes ;;\n");
    }
}

static void print_bash(void)
{
    printf("# bash completion of conv2d: source <(conv2d completion bash)\n"
           "_conv2d()\n"
           "{\n"
           "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}\n"
           "    local command=${COMP_WORDS[1]} words='' files=none\n"
           "    [ \"$word\" = = ] && word=''\n"
           "    [ \"$before\" = = ] && before=${COMP_WORDS[COMP_CWORD-2]}\n"
           "    COMPREPLY=()\n"
           "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
           "        words='");
    for (int i = 0; cli_commands[i]; i++)
        printf("%s ", cli_commands[i]->name);
    printf("--help --version'\n"
           "        COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
           "        return\n"
           "    fi\n"
           "    case \"$command $before\" in\n");
    for (int i = 0; cli_commands[i]; i++)
        print_bash_values(cli_commands[i]);
    printf("    esac\n"
           "    if [ \"$files\" = none ] && [[ $word == -* ]]; then\n"
           "        files=\n"
           "        case $command in\n");
    for (int i = 0; cli_commands[i]; i++)
        print_bash_options(cli_commands[i]);
    printf("        esac\n"
           "    elif [ \"$files\" = none ]; then\n"
           "        files=yes\n"
           "        case $command in\n");
    for (int i = 0; cli_commands[i]; i++) {
        if (operand_words(cli_commands[i]))
            printf("        %s) words='%s' files= ;;\n", cli_commands[i]->name,
                   operand_words(cli_commands[i]));
    }
    printf("        esac\n"
           "    fi\n"
           "    if [ \"$files\" ]; then\n"
           "        compopt -o filenames 2>/dev/null\n"
           "        COMPREPLY=($(compgen -f -- \"$word\"))\n"
           "    else\n"
           "        COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
           "        case ${COMPREPLY[0]} in *:) compopt -o nospace 2>/dev/null ;; esac\n"
           "    fi\n"
           "}\n"
           "complete -F _conv2d conv2d\n");
}

/* ---- zsh ------------------------------------------------------------------------------------ */

static const char zsh_special[] = "[]:\\";

static void print_zsh_option(const option_info *option)
{
    const char *action = !option->argument ? "" : option->words ? "" : "_files";
    if (option->letter)
        printf(" \\\n            '(-%c --%s)'{-%c,--%s}'[", option->letter, option->name,
               option->letter, option->name);
    else
        printf(" \\\n            '--%s[", option->name);
    print_first_line(option->help, zsh_special);
    printf("]");
    if (option->argument) {
        printf(":");
        print_first_line(option->argument, zsh_special);
        printf(":%s", action);
        if (option->words && option->words[0])
            printf("(%s)", option->words);
    }
    printf("'");
}

static void print_zsh(void)
{
    option_info option;
    printf("#compdef conv2d\n"
           "# zsh completion of conv2d: save as _conv2d in a folder of $fpath\n"
           "_conv2d() {\n"
           "    local -a commands\n"
           "    commands=(");
    for (int i = 0; cli_commands[i]; i++) {
        printf("\n        '%s:", cli_commands[i]->name);
        print_first_line(cli_commands[i]->summary, ":\\");
        printf("'");
    }
    printf(")\n"
           "    if (( CURRENT == 2 )); then\n"
           "        _describe command commands\n"
           "        return\n"
           "    fi\n"
           "    local command=$words[2]\n"
           "    shift words\n"
           "    (( CURRENT-- ))\n"
           "    case $command in\n");
    for (int i = 0; cli_commands[i]; i++) {
        const char *words = operand_words(cli_commands[i]);
        printf("        %s) _arguments '(-h --help)'{-h,--help}'[help]'", cli_commands[i]->name);
        for (int k = 0; options_info(cli_commands[i], k, &option); k++)
            print_zsh_option(&option);
        if (words)
            printf(" \\\n            '*:shell:(%s)' ;;\n", words);
        else
            printf(" \\\n            '*:file:_files' ;;\n");
    }
    printf("    esac\n"
           "}\n"
           "_conv2d \"$@\"\n");
}

/* ---- fish ----------------------------------------------------------------------------------- */

static void print_fish_option(const cli_command *command, const option_info *option)
{
    printf("complete -c conv2d -n '__fish_seen_subcommand_from %s' -l %s", command->name,
           option->name);
    if (option->letter)
        printf(" -s %c", option->letter);
    if (option->argument && option->words)
        printf(" -x -a '%s'", option->words);
    else if (option->argument)
        printf(" -r -F");
    printf(" -d '");
    print_first_line(option->help, "\\");
    printf("'\n");
}

static void print_fish(void)
{
    option_info option;
    printf("# fish completion of conv2d: conv2d completion fish | source\n"
           "complete -c conv2d -n '__fish_use_subcommand' -f\n"
           "complete -c conv2d -n '__fish_use_subcommand' -l version -d 'the version'\n"
           "complete -c conv2d -l help -s h -d 'help'\n");
    for (int i = 0; cli_commands[i]; i++) {
        const cli_command *command = cli_commands[i];
        printf("complete -c conv2d -n '__fish_use_subcommand' -a %s -d '", command->name);
        print_first_line(command->summary, "\\");
        printf("'\n");
        if (operand_words(command))
            printf("complete -c conv2d -n '__fish_seen_subcommand_from %s' -x -a '%s'\n",
                   command->name, operand_words(command));
        for (int k = 0; options_info(command, k, &option); k++)
            print_fish_option(command, &option);
    }
}

/* ---- the command ---------------------------------------------------------------------------- */

static const struct {
    const char *name;
    void (*print)(void);
} shells[] = {{"bash", print_bash}, {"zsh", print_zsh}, {"fish", print_fish}};

static int run(const cli_options *o, cli_error *error)
{
    if (o->n_operands != 1)
        return cli_fail_usage(error, "%d shells are given, expected one: bash, zsh or fish",
                              o->n_operands),
               CLI_USAGE;
    for (size_t i = 0; i < sizeof shells / sizeof *shells; i++) {
        if (strcmp(o->operands[0], shells[i].name) == 0) {
            shells[i].print();
            return CLI_OK;
        }
    }
    return cli_fail_usage(error, "the shell is '%s', expected bash, zsh or fish", o->operands[0]),
           CLI_USAGE;
}

const cli_command cli_command_completion = {
    .name = "completion",
    .bit = CLI_COMPLETION,
    .summary = "print a script that completes commands and options in a shell",
    .usage = "bash|zsh|fish",
    .about = "Print a script for the shell, to be sourced or put where the shell looks for them.",
    .examples = "  conv2d completion bash > ~/.local/share/bash-completion/completions/conv2d\n"
                "  conv2d completion zsh > ~/.zfunc/_conv2d\n"
                "  conv2d completion fish > ~/.config/fish/completions/conv2d.fish\n",
    .run = run,
};
