# SPDX-License-Identifier: BSD-2-Clause
"""From preprocessed MSL to a text that clang reads, as C++14 or as C++ for OpenCL.

Only what neither language can say is rewritten: attributes of kernels and their parameters become
launchers and tables, function constants get their value while the library is loaded, a variable in
threadgroup memory becomes a reference to memory of the runtime, and 1.0h becomes half(1.0f). What
MSL forbids and C++ allows is refused here, with the line. The rest is left to the compiler."""
import re

TOKEN = re.compile(
    r"\s+|//[^\n]*|^[ \t]*#[^\n]*|\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|[A-Za-z_]\w*"
    r"|\.?\d(?:[eEpP][+-]|[\w.])*|\[\[|::|->|<<=|>>=|[-+*/%&|^=!<>]=|&&|\|\||\+\+|--|.",
    re.M | re.S)
SPACES = ("device", "constant", "threadgroup", "thread")

# Words C++ has and MSL does not (MSL specification, 1.5.4 and 1.5.5).
FORBIDDEN = {
    "double": "MSL has no type double", "new": "MSL has no new", "delete": "MSL has no delete",
    "throw": "MSL has no exceptions", "try": "MSL has no exceptions",
    "catch": "MSL has no exceptions", "noexcept": "MSL has no noexcept",
    "goto": "MSL has no goto", "register": "MSL has no register variables",
    "thread_local": "MSL has no thread_local", "virtual": "MSL has no virtual functions",
    "dynamic_cast": "MSL has no dynamic_cast", "typeid": "MSL has no typeid",
    "asm": "MSL has no assembly", "__asm__": "MSL has no assembly",
    "std": "MSL has no C++ standard library", "printf": "MSL has no printf",
    "malloc": "MSL has no malloc", "co_await": "MSL has no coroutines"}

VECTOR_COORDINATES = {
    "thread_position_in_grid": "in_grid", "thread_position_in_threadgroup": "in_threadgroup",
    "threadgroup_position_in_grid": "group", "threads_per_threadgroup": "threadgroup_size",
    "dispatch_threads_per_threadgroup": "threadgroup_size", "threads_per_grid": "grid_size",
    "threadgroups_per_grid": "n_threadgroups"}
INDICES = {
    "thread_index_in_simdgroup": "p->lane", "thread_index_in_threadgroup": "p->index",
    "simdgroup_index_in_threadgroup": "p->simdgroup",
    "simdgroups_per_threadgroup": "p->n_simdgroups",
    "dispatch_simdgroups_per_threadgroup": "p->n_simdgroups",
    "threads_per_simdgroup": "MSL_SIMD_WIDTH", "thread_execution_width": "MSL_SIMD_WIDTH"}


class Refused(Exception):
    """The text is not MSL; the message is like a compiler's."""


def solid(token):
    return not (token.isspace() or token.startswith("//") or
                (token.lstrip(" \t").startswith("#") and len(token.strip()) > 1))


class Kernel:
    def __init__(self, namespaces, name, parameters, is_template, host_name):
        path = "".join(n + "::" for n in namespaces)
        self.name, self.threads_name = path + name, f"{path}msl_threads_{name}"
        self.parameters, self.is_template, self.host_name = parameters, is_template, host_name


class Parameter:
    """kind: buffer or threadgroup with an index (C++), vector or scalar with a field."""
    def __init__(self, name, kind, value, present="true"):
        self.name, self.kind, self.value, self.present = name, kind, value, present


class Rewriter:
    def __init__(self, text):
        self.tokens = TOKEN.findall(text)
        self.out = []
        self.kernels, self.instances, self.constants = {}, [], {}
        self.optional = set()
        self.n_places = 0
        self.namespaces = []

    # ---- places
    def line(self, i):
        """File and line of token i, from the line markers of the preprocessor."""
        count = 0
        for token in reversed(self.tokens[:i]):
            marker = re.match(r'\s*#\s*(\d+)\s+"([^"]*)"', token)
            if marker:
                return f"{marker.group(2)}:{int(marker.group(1)) + count - 1}"
            count += token.count("\n")
        return f"program_source:{count + 1}"

    def refuse(self, i, sentence):
        raise Refused(f"{self.line(i)}: error: {sentence}")

    def after(self, i):
        """The next token that is no space or comment."""
        i += 1
        while i < len(self.tokens) and not solid(self.tokens[i]):
            i += 1
        return i

    def matching(self, i):
        """The bracket that closes the one at i; [[ counts for two."""
        opened, closed = {"(": "()", "{": "{}", "[": "[]", "[[": "[]"}[self.tokens[i]]
        depth = 0
        for j in range(i, len(self.tokens)):
            token = self.tokens[j]
            depth += {opened: 1, closed: -1}.get(token, 2 if token == "[[" and opened == "[" else 0)
            if depth == 0 and token == closed:
                return j
        self.refuse(i, f"no '{closed}' for this '{opened}'")

    def angle_end(self, i, end):
        """The > of the < at i if it closes a template argument list before end, else None."""
        depth = 0
        j = i
        while j < end:
            token = self.tokens[j]
            if token in ("(", "["):
                j = self.matching(j)
            elif token == "<":
                depth += 1
            elif token == ">":
                depth -= 1
                if depth == 0:
                    return j
            elif token in (";", "{", "}", "&&", "||"):
                return None
            j += 1
        return None

    def attributes(self, begin, end):
        """(tokens without [[...]], texts of the attributes) of a range."""
        kept, found, i = [], [], begin
        while i < end:
            if self.tokens[i] == "[[":
                j = self.matching(i)
                found.append("".join(self.tokens[i + 1:j - 1]))
                kept += [t for t in self.tokens[i:j + 1] if not solid(t)]
                i = j + 1
            else:
                kept.append(self.tokens[i])
                i += 1
        return kept, found

    def commas(self, begin, end):
        """Ranges between the commas of a list that stand in no bracket."""
        parts, start, i = [], begin, begin
        while i < end:
            token = self.tokens[i]
            if token in ("(", "[", "{", "[["):
                i = self.matching(i)
            elif token == "<":
                closed = self.angle_end(i, end)
                i = closed if closed else i
            elif token == ",":
                parts.append((start, i))
                start = i + 1
            i += 1
        if any(solid(t) for t in self.tokens[start:end]):
            parts.append((start, end))
        return parts

    def outside(self, begin, end):
        """The tokens of a range that stand in no bracket."""
        found, i = [], begin
        while i < end:
            token = self.tokens[i]
            closed = self.matching(i) if token in ("(", "[", "[[", "{") else None
            if token == "<":
                closed = self.angle_end(i, end)
            if closed:
                i = closed
            elif solid(token):
                found.append(token)
            i += 1
        return found

    # ---- emitting
    def emit(self, begin, end):
        """Tokens as they are, but for attributes, literals of half and questions of constants."""
        i = begin
        while i < end:
            token = self.tokens[i]
            if token == "[[":
                j = self.matching(i)
                self.out += [t for t in self.tokens[i:j + 1] if not solid(t)]
                i = j + 1
                continue
            if token in FORBIDDEN:
                self.refuse(i, FORBIDDEN[token])
            literal = re.fullmatch(r"(\d[\d.]*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)[hH]", token)
            if literal:
                number = literal.group(1)
                token = f"half({number}{'' if '.' in number or 'e' in number else '.0'}f)"
            if token == "is_function_constant_defined":
                opened = self.after(i)
                name = self.tokens[self.after(opened)]
                if name not in self.constants:
                    self.refuse(i, f"'{name}' is no function constant")
                self.optional.add(name)
                self.out.append(f"MSL_IS_DEFINED({self.constants[name]})")
                i = self.matching(opened) + 1
                continue
            self.out.append(token)
            i += 1

    def emit_body(self, begin, end, in_kernel):
        """A function's body: variables in threadgroup memory, pointers without an address space."""
        previous, i, start = ";", begin, begin
        while i < end:
            token = self.tokens[i]
            if not solid(token):
                i += 1
                continue
            if previous in (";", "{", "}", ")", ":", "("):
                if token == "threadgroup":
                    stop = i
                    while self.tokens[stop] != ";":
                        stop += 1
                    if not any(t in ("*", "&", "=") for t in self.outside(i, stop)):
                        if not in_kernel:
                            self.refuse(i, "a variable in threadgroup memory is declared in a "
                                           "kernel function only")
                        self.emit(start, i)
                        self.threadgroup_variables(i, stop)
                        start = i = stop + 1
                        previous = ";"
                        continue
                elif previous != ")":
                    self.check_local_pointer(i, end)
            previous = token
            i += 1
        self.emit(start, end)

    def check_local_pointer(self, i, end):
        """`float *p = ...;` at the begin of a statement."""
        if self.tokens[i] == "const":
            i = self.after(i)
        if not re.match(r"[A-Za-z_]", self.tokens[i]) or \
                self.tokens[i] in ("return", "auto", "case"):
            return
        j = self.after(i)
        if j < end and self.tokens[j] == "<":
            closed = self.angle_end(j, end)
            if not closed:
                return
            j = self.after(closed)
        if j < end and self.tokens[j] in ("*", "&"):
            k = self.after(j)
            if re.match(r"[A-Za-z_]", self.tokens[k]) and self.tokens[self.after(k)] == "=":
                kind = "pointer" if self.tokens[j] == "*" else "reference"
                self.refuse(i, f"{kind} type must have explicit address space qualifier")

    def threadgroup_variables(self, i, stop):
        """threadgroup float a[4][5], b; -> one reference each."""
        parts = self.commas(i + 1, stop)
        shape = []
        for begin, end in parts:
            j = begin
            while j < end and self.tokens[j] != "[":
                if self.tokens[j] == "<" and self.angle_end(j, end):
                    j = self.angle_end(j, end)
                j += 1
            solids = [k for k in range(begin, j) if solid(self.tokens[k])]
            shape.append((solids[-1], j, end))
        kind = "".join(self.tokens[i + 1:shape[0][0]])
        for name, bounds, end in shape:
            extent = "".join(self.tokens[bounds:end])
            variable = self.tokens[name]
            declarator = f"(&{variable}){extent}" if extent.strip() else f"&{variable}"
            self.out.append(f"threadgroup {kind.strip()} {declarator} = "
                            f"MSL_THREADGROUP_VARIABLE({self.n_places});")
            self.n_places += 1

    # ---- declarations
    def check_parameters(self, begin, end):
        """Pointers and references of functions name their address space."""
        for first, last in self.commas(begin, end):
            kept, _ = self.attributes(first, last)
            words = [t for t in kept if solid(t)]
            flat, depth = [], 0
            for word in words:
                depth += (word == "<") - (word == ">")
                if depth == 0:
                    flat.append(word)
            for mark, kind in (("*", "pointer"), ("&", "reference"), ("&&", "reference")):
                if mark in flat and not any(s in words for s in SPACES):
                    self.refuse(first, f"{kind} type must have explicit address space qualifier")

    def kernel_parameters(self, begin, end):
        found, automatic = [], {"buffer": 0, "threadgroup": 0}
        for first, last in self.commas(begin, end):
            kept, attributes = self.attributes(first, last)
            words = [t for t in kept if solid(t)]
            attribute = ", ".join(attributes)
            name = [w for w in words if re.match(r"[A-Za-z_]", w)][-1]
            present = re.search(r"\bfunction_constant\s*\(([^()]*)\)", attribute)
            binding = re.search(r"\b(buffer|threadgroup)\s*\(((?:[^()]|\([^()]*\))*)\)", attribute)
            is_memory = "*" in words or "&" in words
            kind = "threadgroup" if "threadgroup" in words else "buffer"
            if is_memory:
                if not any(s in words for s in ("device", "constant", "threadgroup")):
                    self.refuse(first, f"parameter '{name}' of a kernel must be in address space "
                                       "device, constant or threadgroup")
                if binding and binding.group(1) != kind:
                    self.refuse(first, f"'{binding.group(1)}' attribute on parameter '{name}', "
                                       f"which is a {kind}")
                value = binding.group(2) if binding else str(automatic[kind])
                automatic[kind] += 1
                found.append(Parameter(name, kind, value, present.group(1) if present else "true"))
                continue
            field = [a for a in VECTOR_COORDINATES if re.search(rf"\b{a}\b", attribute)]
            index = [a for a in INDICES if re.search(rf"\b{a}\b", attribute)]
            if field:
                found.append(Parameter(name, "vector", VECTOR_COORDINATES[field[0]]))
            elif index:
                found.append(Parameter(name, "scalar", INDICES[index[0]]))
            else:
                self.refuse(first, f"parameter '{name}' of a kernel has no attribute that "
                                   "software Metal knows")
        return found

    def function(self, begin, head, body):
        """A function whose template's head, if it has one, ends at `head` and whose body is at
        `body`; returns whether it is a kernel."""
        i, opened = begin, None
        while i < body:
            if self.tokens[i] == "[[":
                i = self.matching(i)
            elif self.tokens[i] == "(":
                opened = i
                break
            i += 1
        if opened is None:
            self.emit(begin, body)
            return False
        closed = self.matching(opened)
        kept, attributes = self.attributes(begin, opened)
        words = [t for t in kept if solid(t)]
        is_kernel = "kernel" in words or any(re.search(r"\bkernel\b", a) for a in attributes)
        self.check_parameters(opened + 1, closed)
        if not is_kernel:
            self.emit(begin, body)
            return False
        if words[-2] != "void":
            self.refuse(begin, f"kernel '{words[-1]}' must return void")
        text = ", ".join(attributes)
        host = re.search(r'host_name\s*\(\s*"([^"]*)"', text)
        threads = re.search(r"max_total_threads_per_threadgroup\s*\(((?:[^()]|\([^()]*\))*)\)",
                            text)
        name = words[-1]
        self.kernels[name] = Kernel(
            self.namespaces, name, self.kernel_parameters(opened + 1, closed), head > begin,
            host.group(1) if host else name)
        # A function, since the number may depend on the template's parameters.
        template = re.sub(r"\s+", " ", "".join(self.tokens[begin:head]))
        self.out.append(f"{template} constexpr int msl_threads_{name}() "
                        f"{{ return {threads.group(1) if threads else 0}; }} ")
        for token in kept:
            self.out.append("" if token == "kernel" else token)
        self.emit(opened, body)
        return True

    def instantiation(self, begin, stop):
        """template [[host_name("x")]] [[kernel]] void f<float, 8>(...);"""
        kept, attributes = self.attributes(begin, stop)
        host = re.search(r'host_name\s*\(\s*((?:"[^"]*"\s*)+)\)', ", ".join(attributes))
        if host:
            name = self.instantiated(begin, stop)
            self.instances.append(("".join(re.findall(r'"([^"]*)"', host.group(1))),) + name)
        self.out += ["" if token == "kernel" else token for token in kept]

    def instantiated(self, begin, stop):
        """(function, template arguments) of an explicit instantiation."""
        i, found = begin + 1, None
        while i < stop:
            token = self.tokens[i]
            if token == "[[" or (token == "(" and found is None):
                i = self.matching(i)
            elif token == "(":
                break
            elif token == "<":
                closed = self.angle_end(i, stop)
                if closed:
                    before = [t for t in self.tokens[begin:i] if solid(t)]
                    found = (before[-1], "".join(self.tokens[i:closed + 1]))
                    i = closed
            i += 1
        if not found:
            self.refuse(begin, "software Metal does not understand this instantiation")
        return found

    def constant_variable(self, begin, stop):
        """A variable of the program in constant memory, or a function constant."""
        kept, attributes = self.attributes(begin, stop)
        ids = [re.search(r"\bfunction_constant\s*\((.*)\)", a) for a in attributes]
        ids = [m.group(1).strip() for m in ids if m]
        if not ids:
            where = begin + self.tokens[begin:stop].index("constant")
            self.emit(begin, where)
            self.out.append("msl_constant_variable")
            self.emit(where + 1, stop)
            return
        words = [t for t in kept if solid(t)]
        name = words[-1]
        kind = " ".join(w for w in words[:-1] if w not in ("constant", "const", "static"))
        self.constants[name] = ids[0]
        self.out.append(f"msl_constant_variable {kind} {name} = "
                        f'MSL_FUNCTION_CONSTANT({kind}, {ids[0]}, "{name}")')
        self.out += [t for t in self.tokens[begin:stop] if not solid(t)]

    def scope(self, i, end):
        """Declarations of a namespace."""
        while i < end:
            if not solid(self.tokens[i]):
                self.out.append(self.tokens[i])
                i += 1
                continue
            i = self.declaration(i, end)

    def declaration(self, i, end):
        begin, is_template = i, False
        if self.tokens[i] == "template":
            j = self.after(i)
            if self.tokens[j] != "<":
                stop = j
                while self.tokens[stop] != ";":
                    stop = (self.matching(stop) if self.tokens[stop] in ("(", "[[") else stop) + 1
                self.instantiation(begin, stop)
                return stop
            is_template = True
            i = self.after(self.angle_end(j, end))
        stop, assigned = i, False
        while stop < end:
            token = self.tokens[stop]
            if token == ";" or (token == "{" and not assigned):
                break
            assigned = assigned or token == "="
            stop = (self.matching(stop) if token in ("(", "[", "[[", "{") else stop) + 1
        words = [t for t in self.tokens[i:stop] if solid(t)]
        if stop >= end:
            self.emit(begin, end)
            return end
        if self.tokens[stop] == ";":
            if "constant" in words and "(" not in words[:words.index("constant")] and \
                    words[0] not in ("using", "typedef") and \
                    not (("(" in words) and "=" not in words and "[[" not in words):
                self.constant_variable(begin, stop)
            else:
                self.emit(begin, stop)
            self.out.append(";")
            return stop + 1
        closed = self.matching(stop)
        if words[0] == "namespace" or words[:2] == ["inline", "namespace"]:
            self.emit(begin, stop + 1)
            self.namespaces.append(words[-1])
            self.scope(stop + 1, closed)
            self.namespaces.pop()
            self.out.append("}")
            return closed + 1
        if words[0] in ("struct", "class", "union", "enum"):
            if words[0] in ("struct", "class") and ":" in words:
                self.refuse(i, "MSL has no derived classes")
            self.emit(begin, closed + 1)
            return closed + 1
        in_kernel = self.function(begin, i if is_template else begin, stop)
        self.out.append("{")
        self.emit_body(stop + 1, closed, in_kernel)
        self.out.append("}")
        return closed + 1

    def run(self):
        self.scope(0, len(self.tokens))
        return "".join(self.out)

    # ---- what the runtime reads
    def entries(self):
        """(host name, kernel, template arguments) of everything that can be started."""
        found = [(k.host_name, k, "") for k in self.kernels.values() if not k.is_template]
        for host, function, arguments in self.instances:
            if function in self.kernels:
                kernel = self.kernels[function]
                found.append((host, kernel, arguments))
        return found

    def launchers(self):
        fields = {"buffer": "buffer", "threadgroup": "shared"}
        lines, table = ['\n# 1 "launchers"', "#if !MSL_CHECK", 'extern "C" {'], []
        for n, (host, kernel, template) in enumerate(self.entries()):
            function = kernel.name + template
            lines.append(f"typedef decltype(&{function}) msl_f{n};")
            described, arguments = [], []
            indices = {"buffer": [], "threadgroup": []}
            for i, p in enumerate(kernel.parameters):
                kind = f"msl::parameter_t<{i}, msl_f{n}>"
                if p.kind in indices:
                    indices[p.kind].append(p.value)
                    described.append(
                        f'msl::describe<{kind}>("{p.name}", MSL_PARAMETER_{p.kind.upper()}, '
                        f"({p.value}), ({p.present}))")
                    arguments.append(f"msl::memory<{kind}>::argument("
                                     f"a->{fields[p.kind]}[{p.value}])")
                elif p.kind == "vector":
                    arguments.append(f"msl::coordinate<{kind}>(p->{p.value})")
                else:
                    arguments.append(f"msl::index<{kind}>({p.value})")
            for kind, values in indices.items():
                if len(values) > 1:
                    lines.append(f"static_assert(msl::no_index_twice({', '.join(values)}), "
                                 f'"two parameters of kernel {host} have one {kind} index");')
            lines.append(f"static const msl_parameter msl_p{n}[] = {{{', '.join(described)}"
                         f"{', ' if described else ''}{{}}}};")
            lines.append(f"static void msl_l{n}(const msl_arguments *a, const msl_position *p) "
                         f"{{ (void)a; (void)p; {function}({', '.join(arguments)}); }}")
            table.append(f'{{"{host}", msl_l{n}, msl_p{n}, {len(described)}, '
                         f"{kernel.threads_name}{template}()}}")
        lines.append("MSL_EXPORTED extern const msl_kernel msl_kernels[] = {"
                     f"{', '.join(table + ['{}'])}}};")
        lines.append("MSL_EXPORTED extern const int msl_n_kernels = "
                     f"{len(table)};\n}}\n#endif\n")
        return "\n".join(lines)
