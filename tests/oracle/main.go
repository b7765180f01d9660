// The oracle answers cases with Go's own engine: one JSON line in, one JSON line out.
//
// A case is {"tpl", "data", "left", "right"} for text/template with Sprig's functions, or {"json", "path"} for gjson. The
// answer is {"out", "err"}, bytes in Base64, or {"exists", "type", "raw", "str"}. With the argument `functions` it prints the
// names and signatures of the functions it has; with `bench ROUNDS` it answers each case with the processor time that
// parsing and rendering it take, {"parse", "render"} in nanoseconds.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"text/template"

	"github.com/Masterminds/sprig/v3"
	"github.com/tidwall/gjson"
	"sigs.k8s.io/yaml"
)

type request struct {
	Tpl   *string           `json:"tpl"`
	Data  map[string][]byte `json:"data"`
	Left  string            `json:"left"`
	Right string            `json:"right"`
	JSON  string            `json:"json"`
	Path  string            `json:"path"`
}

type rendered struct {
	Out []byte `json:"out"`
	Err string `json:"err"`
}

type found struct {
	Exists bool   `json:"exists"`
	Type   string `json:"type"`
	Raw    string `json:"raw"`
	Str    string `json:"str"`
}

// functions are Sprig's without those that reach outside, and YAML as External Secrets has it.
func functions() template.FuncMap {
	all := sprig.TxtFuncMap()
	for _, name := range []string{"env", "expandenv", "getHostByName"} {
		delete(all, name)
	}
	all["toYaml"] = func(value any) string {
		text, err := yaml.Marshal(value)
		if err != nil {
			return ""
		}
		return strings.TrimSuffix(string(text), "\n")
	}
	all["fromYaml"] = func(text string) map[string]any {
		out := map[string]any{}
		if err := yaml.Unmarshal([]byte(text), &out); err != nil {
			out["Error"] = err.Error()
		}
		return out
	}
	return all
}

func render(all template.FuncMap, asked request) (answer rendered) {
	data := map[string]string{}
	for key, value := range asked.Data {
		data[key] = string(value)
	}
	parsed, err := template.New("t").Option("missingkey=error").Funcs(all).
		Delims(asked.Left, asked.Right).Parse(*asked.Tpl)
	if err != nil {
		return rendered{Err: "parse: " + err.Error()}
	}
	// A few faults of Sprig's end the whole execution instead of the call.
	defer func() {
		if cause := recover(); cause != nil {
			answer = rendered{Err: fmt.Sprintf("exec: panic: %v", cause)}
		}
	}()
	var out strings.Builder
	if err := parsed.Execute(&out, data); err != nil {
		return rendered{Err: "exec: " + err.Error()}
	}
	return rendered{Out: []byte(out.String())}
}

func look(asked request) (answer found, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("panic: %v", cause)
		}
	}()
	result := gjson.Get(asked.JSON, asked.Path)
	return found{result.Exists(), result.Type.String(), result.Raw, result.String()}, nil
}

type measured struct {
	Parse  int64 `json:"parse"`
	Render int64 `json:"render"`
}

// cpu is the processor time of the process so far, its garbage collector included.
func cpu() int64 {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return 0
	}
	return used.Utime.Nano() + used.Stime.Nano()
}

func measure(all template.FuncMap, asked request, rounds int64) (measured, error) {
	data := map[string]string{}
	for key, value := range asked.Data {
		data[key] = string(value)
	}
	var parsed *template.Template
	start := cpu()
	for range rounds {
		var err error
		if parsed, err = template.New("t").Option("missingkey=error").Funcs(all).Parse(*asked.Tpl); err != nil {
			return measured{}, err
		}
	}
	middle := cpu()
	for range rounds {
		var out strings.Builder
		if err := parsed.Execute(&out, data); err != nil {
			return measured{}, err
		}
	}
	return measured{(middle - start) / rounds, (cpu() - middle) / rounds}, nil
}

func list(all template.FuncMap) {
	names := make([]string, 0, len(all))
	for name := range all {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		fmt.Println(name, reflect.TypeOf(all[name]))
	}
}

func serve(all template.FuncMap, rounds int64) error {
	in, out := bufio.NewReaderSize(os.Stdin, 1<<20), bufio.NewWriter(os.Stdout)
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			return out.Flush()
		}
		var asked request
		if err := json.Unmarshal(line, &asked); err != nil {
			return err
		}
		var answer any
		if rounds > 0 {
			if answer, err = measure(all, asked, rounds); err != nil {
				return err
			}
		} else if asked.Tpl != nil {
			answer = render(all, asked)
		} else if answer, err = look(asked); err != nil {
			answer = rendered{Err: err.Error()}
		}
		text, err := json.Marshal(answer)
		if err != nil {
			return err
		}
		out.Write(append(text, '\n'))
		if in.Buffered() == 0 {
			if err := out.Flush(); err != nil {
				return err
			}
		}
	}
}

func main() {
	all := functions()
	if len(os.Args) > 1 && os.Args[1] == "functions" {
		list(all)
		return
	}
	var rounds int64
	if len(os.Args) > 2 && os.Args[1] == "bench" {
		rounds, _ = strconv.ParseInt(os.Args[2], 10, 64)
	}
	if err := serve(all, rounds); err != nil {
		fmt.Fprintln(os.Stderr, "oracle:", err)
		os.Exit(1)
	}
}
