//! What is told of a load that goes otherwise than expected.

use super::error::Break;
use super::{FetchError, LoadError};
use crate::sentence::{Says, Sentence, within};
use serde::Serialize;

/// What a person should know of where a model came from.
#[derive(Debug, thiserror::Error, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LoadRemark {
    #[error(
        "It was kept by an earlier version of this page, which read config.json, tokenizer.json and the weights alone. If the model has settings in other files (tokenizer_config.json, generation_config.json), delete it here and load it again."
    )]
    KeptEarlier,
    #[error(
        "The hub's list of files could not be read, so the weights cannot be checked against a published hash: {fault}."
    )]
    NoListing {
        #[serde(serialize_with = "within")]
        fault: FetchError,
    },
    #[error("It was fetched from the start once more, because: {fault}.")]
    FetchedAgain {
        #[serde(serialize_with = "within")]
        fault: LoadError,
    },
    #[error("This browser does not keep the model ({reason}), so the next visit fetches it again.")]
    NotKept { reason: String },
    #[error(
        "Whether the folder has {file} could not be found out, so the model is read without it: {fault}."
    )]
    WithoutFile {
        file: &'static str,
        #[serde(serialize_with = "within")]
        fault: FetchError,
    },
}

impl Sentence for LoadRemark {
    fn says(&self) -> Says {
        Says::of("load", self)
    }
}

/// Why nothing of use arrives just now.
#[derive(Debug, thiserror::Error, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Waiting {
    #[error(
        "The server is busy (status {status}); it is tried again in {seconds:.0} s, from where it was."
    )]
    Busy { status: u16, seconds: f64 },
    #[error(
        "The server does not answer ({reason}); it is tried again in {seconds:.0} s, from where it was."
    )]
    NoAnswer {
        #[serde(serialize_with = "within")]
        reason: Break,
        seconds: f64,
    },
    #[error(
        "The connection broke off ({reason}); it is tried again in {seconds:.0} s, from where it was."
    )]
    BrokenOff {
        #[serde(serialize_with = "within")]
        reason: Break,
        seconds: f64,
    },
    #[error(
        "The whole file is sent again; of the {here} MB that are here already, {passed} MB are passed over."
    )]
    SentAgain { here: u64, passed: u64 },
    #[error("Nothing has arrived for {seconds:.0} s; it is waited for.")]
    Silent { seconds: f64 },
}

impl Sentence for Waiting {
    fn says(&self) -> Says {
        Says::of("waiting", self)
    }
}

/// Why a dictionary's file was not read, of which nothing is kept.
#[derive(Debug, thiserror::Error, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DictionaryUnread {
    #[error("“{name}” is the name of no dictionary; check it.")]
    Name { name: String },
    #[error("The dictionary {name} is at {host}, which was not asked yet; agree to that first.")]
    NotAgreed { name: String, host: String },
    #[error(
        "{url} is not there (status {status}); check the dictionary’s name, its activation and its layer."
    )]
    Missing { url: String, status: u16 },
    #[error("{fault}. Check the dictionary’s name, its activation and its layer.")]
    Withheld {
        #[serde(serialize_with = "within")]
        fault: FetchError,
    },
    #[error("{url}: the server is busy (status {status}) and stayed so; try again later.")]
    Busy { url: String, status: u16 },
    #[error(
        "{url} broke off after {done} bytes ({reason}), again and again; check the connection and try again."
    )]
    BrokenOff {
        url: String,
        done: u64,
        #[serde(serialize_with = "within")]
        reason: Break,
    },
}

impl Sentence for DictionaryUnread {
    fn says(&self) -> Says {
        Says::of("unread", self)
    }
}
