package cloudtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
)

// control decodes a body (none is the zero value), runs the action and answers
// 200 with its result, 204 without one, or the error model.
func control[T any](run func(*http.Request, T) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		var in T
		if err == nil && len(bytes.TrimSpace(raw)) > 0 {
			err = strict(raw, &in)
		}
		var out any
		if err == nil {
			out, err = run(r, in)
		}
		a := controlAnswer(out, err)
		begin(w, a)
		send(w, a.body)
	}
}

func read(get func(*http.Request) any) http.HandlerFunc {
	return control(func(r *http.Request, _ struct{}) (any, error) { return get(r), nil })
}

func act(run func()) http.HandlerFunc {
	return control(func(*http.Request, struct{}) (any, error) {
		run()
		return nil, nil
	})
}

func put[T any](set func(T)) http.HandlerFunc {
	return control(func(_ *http.Request, mode T) (any, error) {
		set(mode)
		return nil, nil
	})
}

// fits tells whether a value is the one that the query asks for, if any.
func fits(r *http.Request, name, value string) bool {
	asked := r.FormValue(name)
	return asked == "" || strings.EqualFold(asked, value)
}

func controlAnswer(out any, err error) answer {
	var refused *APIError
	switch {
	case errors.As(err, &refused):
		return errorAnswer(refused)
	case err != nil:
		return errorAnswer(badRequest(err.Error()))
	case out == nil:
		return emptyAnswer(http.StatusNoContent)
	}
	return jsonAnswer(http.StatusOK, out)
}

// strict refuses unknown fields, so that a misspelled one is noticed.
func strict(raw []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	return decoder.Decode(into)
}

// create adds a default T with the fields of patch on top.
func create[T any](patch json.RawMessage, add func(...func(*T)) T) (any, error) {
	if err := checkPatch[T](patch); err != nil {
		return nil, err
	}
	return add(func(stored *T) { overlay(patch, stored) }), nil
}

// change edits the fields that patch names and returns the outcome.
func change[T any](patch json.RawMessage, update func(func(*T)) bool) (any, error) {
	if err := checkPatch[T](patch); err != nil {
		return nil, err
	}
	var after T
	found := update(func(stored *T) {
		overlay(patch, stored)
		after = *stored
	})
	if !found {
		return nil, notFound()
	}
	return after, nil
}

func checkPatch[T any](patch json.RawMessage) error {
	if len(patch) == 0 {
		return nil
	}
	return strict(patch, new(T))
}

// overlay cannot fail: checkPatch has decoded the same bytes into the same type.
func overlay[T any](patch json.RawMessage, stored *T) {
	if len(patch) > 0 {
		_ = json.Unmarshal(patch, stored)
	}
}
