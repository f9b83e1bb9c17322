// Command example is a service that authenticates its callers with Gatehouse's access tokens.
//
// Usage: example ISSUER
//
// It prints its port, and serves /whoami until its standard input ends.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"time"

	"example.org/gatehouse"
)

func whoami(w http.ResponseWriter, r *http.Request) {
	claims, _ := gatehouse.FromContext(r.Context())
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string]string{
		"user": claims.Subject, "session": claims.SessionID, "email": claims.Email, "role": claims.Role,
	})
}

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: example ISSUER")
	}
	verifier := &gatehouse.Verifier{Issuer: os.Args[1]}
	http.Handle("/whoami", verifier.Require(http.HandlerFunc(whoami)))

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	go func() {
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	server := http.Server{ReadHeaderTimeout: 5 * time.Second}
	log.Fatal(server.Serve(listener))
}
