# SPDX-License-Identifier: BSD-2-Clause
"""completion: the scripts have every command and option of the help, bash completes with its own,
and the other shells accept theirs where they are installed."""
import re
import shutil
import subprocess

import tool

SHELLS = ("bash", "zsh", "fish")


class Completion(tool.ToolTest):
    def commands(self):
        text = self.good("--help").split("Commands:\n")[1].split("\n\n")[0]
        return [line.split()[0] for line in text.splitlines()]

    def options(self, command):
        """(letter or None, name) of every option in the command's help."""
        return re.findall(r"(?m)^  (?:-(\w), |    )--([a-z-]+)", self.good(command, "--help"))

    def part(self, shell, script, command):
        """The lines that are about one command."""
        if shell == "fish":
            return "".join(line for line in script.splitlines(True)
                           if f"from {command}'" in line or "-l help" in line)
        if shell == "zsh":
            return re.search(rf"(?s)\n        {command}\) _arguments.*?;;\n", script).group(0)
        return "".join(re.findall(rf"(?m)^        (?:{command}\)|'{command} ).*\n", script))

    def test_every_option_is_there(self):
        for shell in SHELLS:
            script = self.good("completion", shell)
            for command in self.commands():
                self.assertIn(command, script)
                text = self.part(shell, script, command)
                for letter, name in self.options(command):
                    dashes = "-l " if shell == "fish" else "--"
                    self.assertRegex(text, rf"{dashes}{name}\b", f"{shell} {command}")
                    if letter:
                        dash = "-s " if shell == "fish" else "-"
                        self.assertRegex(text, rf"(?<!-){dash}{letter}\b", f"{shell} {command}")

    def test_syntax(self):
        for shell, words in (("bash", ["bash", "-n"]), ("zsh", ["zsh", "-n"]),
                             ("fish", ["fish", "--no-execute"])):
            self.write("script", self.good("completion", shell).encode())
            if shutil.which(shell):
                subprocess.run([*words, self.path("script")], check=True, timeout=60)
            # Single quotes are balanced in every line but those that go on in the next.
            text = self.read("script").decode().replace("'\\''", "")
            self.assertEqual(text.count("'") % 2, 0, shell)

    def complete(self, *words):
        """What bash offers for the last word."""
        self.write("script", self.good("completion", "bash").encode())
        line = " ".join(f"'{w}'" for w in words)
        program = (f"source ./script; COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; "
                   "_conv2d; printf '%s\\n' \"${COMPREPLY[@]}\"")
        result = subprocess.run(["bash", "--norc", "-c", program], cwd=self.folder, check=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                timeout=60)
        self.assertEqual(result.stderr, "")
        return result.stdout.split()

    def test_bash(self):
        if not shutil.which("bash"):
            self.skipTest("bash is not installed")
        self.write("input.npy", b"")
        self.assertEqual(self.complete("conv2d", "p"), ["pack", "plan"])
        self.assertEqual(set(self.complete("conv2d", "")),
                         set(self.commands()) | {"--help", "--version"})
        self.assertEqual(self.complete("conv2d", "run", "--padding-m"), ["--padding-mode"])
        self.assertEqual(self.complete("conv2d", "run", "--padding-mode", "re"),
                         ["reflect", "replicate"])
        self.assertEqual(self.complete("conv2d", "run", "--padding-mode", "=", "re"),
                         ["reflect", "replicate"])
        self.assertEqual(self.complete("conv2d", "run", "-a", "hards"), ["hardswish",
                                                                         "hardsigmoid"])
        self.assertEqual(self.complete("conv2d", "run", "inp"), ["input.npy"])
        self.assertEqual(self.complete("conv2d", "run", "-w", "inp"), ["input.npy"])
        self.assertEqual(self.complete("conv2d", "pack", "--isa", "av"),
                         ["avx2", "avx512", "avx512_bf16"])
        self.assertEqual(self.complete("conv2d", "bench", "--weight"), [])
        self.assertEqual(self.complete("conv2d", "bench", "--seconds", ""), [])
        self.assertEqual(self.complete("conv2d", "completion", ""), list(SHELLS))

    def test_bash_knows_the_function(self):
        if not shutil.which("bash"):
            self.skipTest("bash is not installed")
        self.write("script", self.good("completion", "bash").encode())
        result = subprocess.run(["bash", "--norc", "-c", "source ./script; complete -p conv2d"],
                                cwd=self.folder, stdout=subprocess.PIPE, text=True, timeout=60)
        self.assertIn("-F _conv2d conv2d", result.stdout)

    def test_refusals(self):
        self.bad(2, "completion", says="0 shells")
        self.bad(2, "completion", "bash", "zsh", says="2 shells")
        self.bad(2, "completion", "csh", says=["'csh'", "bash, zsh or fish"])
        self.bad(2, "completion", "bash", "--json", says="--json")


if __name__ == "__main__":
    tool.main()
