// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package code holds the numbers and names by which the server answers errors.
package code

import (
	"errors"
	"fmt"
)

// Code is the number of an error; clients decide by it, never by the text.
type Code int32

// The codes that the double answers, by the names that the server gives them.
const (
	InternalError             Code = 1
	BadValue                  Code = 2
	FailedToParse             Code = 9
	UserNotFound              Code = 11
	Unauthorized              Code = 13
	TypeMismatch              Code = 14
	ProtocolError             Code = 17
	AuthenticationFailed      Code = 18
	IllegalOperation          Code = 20
	AlreadyInitialized        Code = 23
	NamespaceNotFound         Code = 26
	RoleNotFound              Code = 31
	CursorNotFound            Code = 43
	MaxTimeMSExpired          Code = 50
	CommandNotFound           Code = 59
	WriteConcernFailed        Code = 64
	InvalidOptions            Code = 72
	NodeNotFound              Code = 74
	NoReplicationEnabled      Code = 76
	ShutdownInProgress        Code = 91
	InvalidReplicaSetConfig   Code = 93
	NotYetInitialized         Code = 94
	NotSecondary              Code = 95
	UnsatisfiableWriteConcern Code = 100
	ConfigIncompatible        Code = 103
	NodeNotElectable          Code = 104
	ConfigInProgress          Code = 109
	CannotInitializeWithData  Code = 110
	NotAReplicaSet            Code = 123
	PrimarySteppedDown        Code = 189
	TransactionTooOld         Code = 225
	ExceededTimeLimit         Code = 262
	ConfigNotCommittedYet     Code = 308
	NotWritablePrimary        Code = 10107
	DuplicateKey              Code = 11000
	Interrupted               Code = 11602
	NotPrimaryNoSecondaryOk   Code = 13435
	NotPrimaryOrSecondary     Code = 13436
	UserExists                Code = 51003
	UnconfirmedFCV            Code = 7369100
)

var names = map[Code]string{
	InternalError: "InternalError", BadValue: "BadValue", FailedToParse: "FailedToParse", UserNotFound: "UserNotFound",
	Unauthorized: "Unauthorized", TypeMismatch: "TypeMismatch", ProtocolError: "ProtocolError",
	AuthenticationFailed: "AuthenticationFailed", IllegalOperation: "IllegalOperation",
	AlreadyInitialized: "AlreadyInitialized", NamespaceNotFound: "NamespaceNotFound", RoleNotFound: "RoleNotFound",
	CursorNotFound: "CursorNotFound", MaxTimeMSExpired: "MaxTimeMSExpired", CommandNotFound: "CommandNotFound",
	WriteConcernFailed: "WriteConcernFailed", InvalidOptions: "InvalidOptions", NodeNotFound: "NodeNotFound",
	NoReplicationEnabled: "NoReplicationEnabled", ShutdownInProgress: "ShutdownInProgress",
	InvalidReplicaSetConfig: "InvalidReplicaSetConfig", NotYetInitialized: "NotYetInitialized",
	NotSecondary: "NotSecondary", UnsatisfiableWriteConcern: "UnsatisfiableWriteConcern",
	ConfigIncompatible: "NewReplicaSetConfigurationIncompatible", NodeNotElectable: "NodeNotElectable",
	ConfigInProgress: "ConfigurationInProgress", CannotInitializeWithData: "CannotInitializeNodeWithData",
	NotAReplicaSet: "NotAReplicaSet", PrimarySteppedDown: "PrimarySteppedDown",
	TransactionTooOld: "TransactionTooOld", ExceededTimeLimit: "ExceededTimeLimit",
	ConfigNotCommittedYet: "CurrentConfigNotCommittedYet", NotWritablePrimary: "NotWritablePrimary",
	DuplicateKey: "DuplicateKey", Interrupted: "InterruptedDueToReplStateChange",
	NotPrimaryNoSecondaryOk: "NotPrimaryNoSecondaryOk", NotPrimaryOrSecondary: "NotPrimaryOrSecondary",
}

// String is the name of the code; one without a name is called Location, as the server does.
func (c Code) String() string {
	if name, ok := names[c]; ok {
		return name
	}
	return fmt.Sprintf("Location%d", int32(c))
}

// Retryable reports whether a driver may send a retryable write again after this code.
func (c Code) Retryable() bool {
	switch c {
	case ShutdownInProgress, PrimarySteppedDown, ExceededTimeLimit, NotWritablePrimary, Interrupted,
		NotPrimaryNoSecondaryOk, NotPrimaryOrSecondary:
		return true
	}
	return false
}

// Error is an answer with ok: 0.
type Error struct {
	Code    Code
	Message string
}

// Error gives text and name.
func (e *Error) Error() string { return fmt.Sprintf("(%s) %s", e.Code, e.Message) }

// Errorf makes an error of the code.
func Errorf(c Code, format string, args ...any) *Error {
	return &Error{Code: c, Message: fmt.Sprintf(format, args...)}
}

// Of returns the error as one with a code; what has none is an internal error.
func Of(err error) *Error {
	var coded *Error
	if errors.As(err, &coded) {
		return coded
	}
	return &Error{Code: InternalError, Message: err.Error()}
}
