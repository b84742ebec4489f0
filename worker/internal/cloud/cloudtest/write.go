package cloudtest

import (
	"net"
	"net/http"
	"strconv"
)

// write sends an answer, or whatever the fault has made of it.
func (c *Cloud) write(w http.ResponseWriter, r *http.Request, a answer) {
	if a.silent {
		<-r.Context().Done()
		return
	}
	if a.cut {
		cut(w)
		return
	}
	begin(w, a)
	if a.broken || a.bodyDelay > 0 {
		half := len(a.body) / 2
		send(w, a.body[:half])
		c.sleep(r.Context(), a.bodyDelay)
		a.body = a.body[half:]
	}
	if a.broken {
		panic(http.ErrAbortHandler) // closes the connection in the middle of the body
	}
	send(w, a.body)
}

// begin sends status and headers.
func begin(w http.ResponseWriter, a answer) {
	head := w.Header()
	head.Set("X-Frame-Options", "SAMEORIGIN")
	head.Set("X-Xss-Protection", "1; mode=block")
	head.Set("X-Content-Type-Options", "nosniff")
	for name, values := range a.header {
		head[name] = values
	}
	if !a.chunked {
		head.Set("Content-Length", strconv.Itoa(len(a.body)))
	}
	w.WriteHeader(a.status)
}

// send puts bytes on the wire at once. The caller may be gone; nothing is left to do then.
func send(w http.ResponseWriter, body []byte) {
	_, _ = w.Write(body)
	_ = http.NewResponseController(w).Flush()
}

// cut resets the connection so that the caller sees an error, not an empty answer.
func cut(w http.ResponseWriter) {
	hijacker, ok := w.(http.Hijacker)
	if !ok {
		panic(http.ErrAbortHandler)
	}
	conn, _, err := hijacker.Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}
