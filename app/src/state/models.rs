//! Which model is open, and how it comes here.
//!
//! The experiment names it. A bundled model, and one that is kept whole, is
//! loaded at once. Anything else goes in steps, each of which is told by
//! [`Status`]: what is kept, what it would take (another host is asked that only
//! once it was agreed to), an offer, and the load that a person asked for.

use super::signals::{Arriving, State, Status};
use crate::engine;
use crate::persist::persist;
use leptos::prelude::*;
use patchbay_engine::dictionary;
use patchbay_engine::experiment::Source;
use patchbay_engine::protocol::{
    Agreed, Failure, FailureCode, KeptModel, Offer, Request, SourceInfo, Store,
};
use patchbay_engine::sentence::Sentence;
use patchbay_engine::source::{Named, Place};

/// The model that comes with the page.
pub const MINI: &str = "mini";

impl State {
    /// Where models come from: a mirror of the hub, where a person named one.
    #[must_use]
    pub fn place(self) -> Place {
        let place = engine::place();
        let named = self.preferences.with(|p| p.hub.clone());
        Place {
            hub: named.or(place.hub),
            ..place
        }
    }

    /// Looks for repositories elsewhere from now on; where the page does by itself
    /// with `None`.
    pub fn choose_hub(self, hub: Option<String>) {
        if self.preferences.with_untracked(|p| p.hub != hub) {
            self.set_preferences.update(|p| p.hub = hub);
            // What was agreed to was of the other one.
            self.wire.update_value(|wire| wire.agreed = None);
            self.reload();
        }
    }

    /// The name of the experiment's model.
    #[must_use]
    pub fn model_name(self) -> String {
        self.experiment.with(|e| e.model.clone())
    }

    /// Where the loaded model came from.
    #[must_use]
    pub fn source(self) -> Option<SourceInfo> {
        self.status.with(|status| match status {
            Status::Ready { source, .. } => Some((**source).clone()),
            _ => None,
        })
    }

    /// Whether results have to wait for a model that does not come with the page.
    #[must_use]
    pub fn awaits_model(self) -> bool {
        self.derived.awaits.get()
    }

    /// The experiment's model, as far as it is kept in this browser.
    #[must_use]
    pub fn kept(self) -> Option<KeptModel> {
        let name = self.model_name();
        self.store
            .with(|store| find(store.as_ref()?, &name, &self.place()).cloned())
    }

    /// Makes this the experiment's model; opens it again where it failed.
    pub fn choose_model(self, name: &str) {
        self.notice.set(None);
        if self.experiment.with_untracked(|e| e.model != name) {
            self.edit(|e| {
                e.model = name.into();
                // Another model has other layers and heads.
                e.cell = None;
            });
        } else if matches!(*self.status.read_untracked(), Status::Failed(_)) {
            self.reload();
        }
    }

    /// Takes the first step towards the experiment's model.
    pub(super) fn open(self) {
        let name = untrack(|| self.model_name());
        let agreed = self.wire.try_update_value(|wire| {
            wire.agreed = wire.agreed.take().filter(|offer| offer.model == name);
            wire.agreed.clone()
        });
        match (Named::parse(&name), agreed.flatten()) {
            (Err(error), _) => self.status.set(Status::Failed(Failure {
                code: FailureCode::Model,
                message: error.to_string(),
                says: error.says(),
                field: None,
            })),
            (Ok(Named::Bundled(_)), _) => self.fetch(None),
            (Ok(_), Some(offer)) => self.fetch(Some(offer)),
            (Ok(_), None) => {
                self.status.set(Status::Describing);
                let id = self.step();
                self.send(&Request::Kept { id });
            }
        }
    }

    /// A new step of loading.
    fn step(self) -> u32 {
        let id = self.next_id();
        self.wire.update_value(|wire| wire.load = Some(id));
        id
    }

    pub(super) fn told_kept(self, id: u32, store: Store) {
        self.store.set(Some(store));
        if !self.is_load(id) {
            return;
        }
        if untrack(|| self.kept()).is_some_and(|kept| kept.complete) {
            return self.fetch(None);
        }
        let name = untrack(|| self.model_name());
        let hosts = self.preferences.with_untracked(|p| p.hosts.clone());
        match to_agree(&name, &untrack(|| self.place()), &hosts) {
            Some(host) => {
                self.wire.update_value(|wire| wire.load = None);
                self.status.set(Status::Unasked { host });
            }
            None => self.describe(),
        }
    }

    fn describe(self) {
        self.status.set(Status::Describing);
        let request = Request::Describe {
            id: self.step(),
            model: untrack(|| self.model_name()),
            place: untrack(|| self.place()),
        };
        self.send(&request);
    }

    pub(super) fn described(self, offer: Box<Offer>) {
        if offer.complete {
            return self.fetch(None);
        }
        self.wire.update_value(|wire| wire.load = None);
        self.status.set(Status::Offered(offer));
    }

    /// A person agreed that this host is asked.
    pub fn agree_to_host(self) {
        if let Status::Unasked { host } = self.status.get_untracked() {
            self.remember_host(host);
            self.describe();
        }
    }

    /// A person agreed to the offer.
    pub fn download(self) {
        if let Status::Offered(offer) = self.status.get_untracked() {
            if let Some(host) = offer.host.clone() {
                self.remember_host(host);
            }
            self.ask_to_persist();
            self.wire
                .update_value(|wire| wire.agreed = Some(offer.clone()));
            self.fetch(Some(offer));
        }
    }

    /// A person agreed that a dictionary's host is asked.
    pub fn agree_to_dictionary(self, host: String) {
        self.remember_host(host);
        self.again();
    }

    /// A person agreed to fetch the encoder of a direction's dictionary.
    pub fn agree_to_encoder(self, i: usize) {
        self.encoders.set(true);
        self.edit_direction(i, |d| {
            if let Source::Feature {
                dictionary,
                activation,
                ..
            } = &mut d.source
            {
                *activation = true;
                let named = dictionary::named(dictionary);
                if let Some(host) = named.and_then(|n| n.host(&untrack(|| self.place()))) {
                    self.remember_host(host);
                }
            }
        });
        self.again();
    }

    /// What a person agreed to fetch for directions.
    pub(super) fn agreed(self) -> Agreed {
        Agreed {
            hosts: self.preferences.with_untracked(|p| p.hosts.clone()),
            encoders: self.encoders.get_untracked(),
        }
    }

    fn remember_host(self, host: String) {
        self.set_preferences.update(|p| {
            if !p.hosts.contains(&host) {
                p.hosts.push(host);
            }
        });
    }

    fn fetch(self, offer: Option<Box<Offer>>) {
        self.arriving.set(Arriving::default());
        self.status.set(Status::Loading(offer));
        let request = Request::Load {
            id: self.step(),
            model: untrack(|| self.model_name()),
            place: untrack(|| self.place()),
            backend: self.preferences.with_untracked(|p| p.backend),
            engines: None,
            faulty: None,
        };
        self.send(&request);
    }

    /// Stops the download. What has arrived stays, and so does the offer.
    pub fn pause(self) {
        if let Some(id) = self.wire.with_value(|wire| wire.load) {
            self.send(&Request::Cancel { id });
        }
    }

    pub(super) fn paused(self) {
        let offer = self
            .wire
            .try_update_value(|wire| wire.agreed.take())
            .flatten();
        self.loading_ended();
        if let Some(offer) = offer {
            self.status.set(Status::Offered(offer));
        }
    }

    pub(super) fn loading_ended(self) {
        self.wire.update_value(|wire| wire.load = None);
        self.ask_kept();
    }

    pub(super) fn load_failed(self, failure: Failure) {
        self.loading_ended();
        self.status.set(Status::Failed(failure));
    }

    /// Asks which models are kept.
    pub fn ask_kept(self) {
        let id = self.next_id();
        self.send(&Request::Kept { id });
    }

    /// Deletes a kept model.
    pub fn forget(self, key: String) {
        let id = self.next_id();
        self.send(&Request::Forget { id, key });
    }

    /// Deletes what is kept of the experiment's model, and starts from nothing.
    pub fn start_afresh(self) {
        self.wire.update_value(|wire| wire.agreed = None);
        match untrack(|| self.kept()) {
            Some(KeptModel { key, .. }) => {
                // Answered like the question what is kept, so the steps follow.
                self.status.set(Status::Describing);
                let id = self.step();
                self.send(&Request::Forget { id, key });
            }
            None => self.reload(),
        }
    }

    /// Asks the browser for the promise not to clear what is kept.
    pub fn ask_to_persist(self) {
        persist(move || self.ask_kept());
    }
}

/// What is kept of a model, as it comes from there: another hub's is another one.
fn find<'a>(store: &'a Store, name: &str, place: &Place) -> Option<&'a KeptModel> {
    let key = Named::parse(name).ok()?.folder(place);
    store.models.iter().find(|kept| kept.key == key)
}

/// The host that a person has to agree to before it is asked about a model.
fn to_agree(name: &str, place: &Place, agreed: &[String]) -> Option<String> {
    let named = Named::parse(name).ok()?;
    // What is known beforehand is told without asking anyone.
    if named.published().is_some() {
        return None;
    }
    named.host(place).filter(|host| !agreed.contains(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_hosts_are_agreed_to_once_and_what_is_known_asks_nobody() {
        let place = Place {
            home: "https://page.example/a/".into(),
            hub: None,
        };
        let agreed = ["x.example".to_owned()];
        for (name, host) in [
            ("mini", None),
            ("gpt2", None),
            ("distilbert/distilgpt2", Some("huggingface.co")),
            ("openai-community/gpt2", Some("huggingface.co")),
            ("https://page.example/m/", None),
            ("https://x.example/m/", None),
            ("https://y.example:8080/m/", Some("y.example:8080")),
            ("not a name", None),
        ] {
            assert_eq!(to_agree(name, &place, &agreed).as_deref(), host, "{name}");
        }
        let mirror = Place {
            hub: Some("https://page.example/hub".into()),
            ..place
        };
        assert_eq!(to_agree("a/b", &mirror, &[]), None);
    }

    #[test]
    fn what_is_bundled_needs_no_offer() {
        use super::super::signals::is_bundled;
        assert!(is_bundled("mini"));
        for name in ["gpt2", "a/b", "https://x.example/m/", "../mini"] {
            assert!(!is_bundled(name), "{name}");
        }
    }

    #[test]
    fn a_kept_model_is_found_by_its_name_at_the_hub_that_it_came_from() {
        let hub = |hub: Option<&str>| Place {
            home: "https://page.example/".into(),
            hub: hub.map(Into::into),
        };
        let kept = |model: &str, hub: &Place, bytes| KeptModel {
            key: Named::parse(model).unwrap().folder(hub),
            model: model.into(),
            folder: String::new(),
            bytes,
            total: None,
            complete: false,
        };
        let (own, other) = (hub(None), hub(Some("https://mirror.example/")));
        let store = Store {
            models: vec![
                kept("a/b", &own, 1),
                kept("gpt2", &own, 2),
                kept("a/b", &other, 3),
            ],
            ..Store::default()
        };
        let found = |name, place| find(&store, name, place).map(|k| k.bytes);
        assert_eq!(
            [found("a/b", &own), found("gpt2", &own)],
            [Some(1), Some(2)]
        );
        assert_eq!(
            [found("a/b", &other), found("gpt2", &other)],
            [Some(3), None]
        );
        assert_eq!(
            [found("b", &own), found("no name/at/all", &own)],
            [None, None]
        );
    }

    #[test]
    fn the_host_agreed_to_is_the_one_that_a_browser_asks() {
        let place = Place {
            home: "https://page.example/a/".into(),
            hub: None,
        };
        let agreed = ["huggingface.co".to_owned()];
        for name in [
            "https://evil.example\\.huggingface.co/m/",
            "https://huggingface.co@evil.example/m/",
            "https://huggingf\u{430}ce.co/m/",
        ] {
            assert!(Named::parse(name).is_err(), "{name}");
            assert_eq!(dictionary::named(name), None, "{name}");
        }
        let host = |name| to_agree(name, &place, &agreed);
        assert_eq!(host("https://huggingface.co:443/m"), None);
        assert_eq!(
            host("https://evil.example/.huggingface.co/m/").as_deref(),
            Some("evil.example")
        );
        let mirror = Place {
            hub: Some("https://HF.example:443".into()),
            ..place.clone()
        };
        assert_eq!(
            to_agree("a/b", &mirror, &agreed).as_deref(),
            Some("hf.example")
        );
    }
}
