package tds

import (
	"errors"
	"net"
	"slices"
	"sync"
	"testing"
)

// Options says who may do what.
type Options struct {
	User, Password, Database string
	Administrator            bool // of the server, and owner of the database
	// May says whether the user has a right (SELECT, INSERT, UPDATE, DELETE), on a column or,
	// where that is "", on a table as a whole. nil is all of them.
	May func(right, table, column string) bool
}

// Request is a statement as it came in.
type Request struct {
	Statement  string
	Declared   string      // the types of its parameters in T-SQL; "" for a batch without any
	Parameters []Parameter // as the bytes were
	Settings   []string    // what the session had been SET to by then, since its last reset
}

// Server is the stand-in. Its methods are safe for concurrent use.
type Server struct {
	t        *testing.T
	listener net.Listener
	options  Options
	ended    sync.WaitGroup

	mu       sync.Mutex // guards what follows
	tables   []*table
	requests []Request
	failing  []fault // what the next queries end with, one each
	open     map[net.Conn]bool
}

// Start runs one until the test ends.
func Start(t *testing.T, o Options) *Server {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if o.May == nil {
		o.May = func(string, string, string) bool { return true }
	}
	s := &Server{t: t, listener: listener, options: o, tables: schema(), open: map[net.Conn]bool{}}
	s.ended.Go(s.accept)
	t.Cleanup(func() {
		_ = listener.Close()
		s.Drop()
		s.ended.Wait()
	})
	return s
}

// Port is where it listens, on 127.0.0.1.
func (s *Server) Port() int { return s.listener.Addr().(*net.TCPAddr).Port }

// Requests returns the statements that came in since the last call.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	got := s.requests
	s.requests = nil
	return got
}

// FailNext ends the next query with an error, as SQL Server numbers it.
func (s *Server) FailNext(number int32, message string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failing = append(s.failing, fault{number, message})
}

// ForgetFailures takes back what FailNext asked for and no query met.
func (s *Server) ForgetFailures() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failing = nil
}

// Drop cuts every connection, as a restart does.
func (s *Server) Drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for connection := range s.open {
		_ = connection.Close()
	}
}

func (s *Server) accept() {
	for {
		connection, err := s.listener.Accept()
		if err != nil {
			return // the test has ended
		}
		s.mu.Lock()
		s.open[connection] = true
		s.mu.Unlock()
		s.ended.Go(func() { s.serve(connection) })
	}
}

func (s *Server) serve(connection net.Conn) {
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		_ = connection.Close()
		delete(s.open, connection)
	}()
	c := &session{server: s, wire: connection}
	if err := c.signIn(); err != nil {
		return
	}
	for c.one() == nil {
	}
}

// session is one connection after its login.
type session struct {
	server   *Server
	wire     net.Conn
	settings []string
}

var errUnknown = errors.New("a message of a kind that the stand-in does not know")

// one answers one message.
func (c *session) one() error {
	m, err := read(c.wire)
	if err != nil {
		return err
	}
	if m.reset {
		c.settings = nil
	}
	var request Request
	switch m.kind {
	case batchMessage:
		request = batch(m.body)
	case callMessage:
		request = call(m.body)
	case attentionMessage:
		return write(c.wire, done(doneAttention, 0))
	default:
		return errUnknown
	}
	return write(c.wire, c.answer(request))
}

// answer runs a request; what goes wrong in it is the answer.
func (c *session) answer(r Request) (reply []byte) {
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	defer func() {
		switch f := recover().(type) {
		case nil:
		case fault:
			reply = append(problem(f), done(doneError, 0)...)
		default:
			panic(f)
		}
	}()
	r.Settings = slices.Clone(c.settings)
	c.server.requests = append(c.server.requests, r)
	p := &parser{server: c.server, tokens: lex(r.Statement)}
	if p.peek().is("SET") {
		for p.peek().kind != end {
			c.settings = append(c.settings, p.set())
			p.accept(";")
		}
		return done(0, 0)
	}
	if failing := c.server.failing; len(failing) > 0 {
		c.server.failing = failing[1:]
		panic(failing[0])
	}
	if p.peek().is("UPDATE") || p.peek().is("DELETE") {
		c := p.change()
		p.ended()
		return changed(c.command, c.run(values(r)), r.Declared != "")
	}
	q := p.query()
	p.ended()
	types, lines := q.run(values(r))
	return result(types, lines)
}
