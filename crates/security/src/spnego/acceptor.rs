//! The exchange on the accepting side (RFC 4178 4.2.2, 5; MS-SPNG 3.2.5).

use std::mem;

use vfs::Timestamp;

use super::token::{InitialToken, NegotiationState, ResponseToken, TokenError};
use crate::mechanism::{Established, Failure, Mechanism, Step, Who};
use crate::ntlm;

/// One exchange.
#[derive(Debug)]
pub struct Acceptor {
    mechanisms: Vec<Box<dyn Mechanism>>,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Waits for the first token.
    Fresh,
    /// The client speaks NTLMSSP without SPNEGO.
    Bare(Box<dyn Mechanism>),
    /// Waits for a `NegTokenResp`.
    Negotiated(Negotiated),
    Over,
}

#[derive(Debug)]
struct Negotiated {
    mechanism: Box<dyn Mechanism>,
    /// What the mechanism is called, until the client was told.
    name: Option<&'static [u8]>,
    /// The client's list, for the code over it.
    list: Vec<u8>,
    /// The mechanism is not the one that the client likes best: somebody in between could have made it so.
    wants_code: bool,
}

/// What a server says in its NEGOTIATE response (MS-SMB2 2.2.4 `Buffer`): the mechanisms it speaks.
#[must_use]
pub fn hint(mechanisms: &[&[u8]]) -> Vec<u8> {
    InitialToken::encode_hint(mechanisms)
}

impl Acceptor {
    /// A new exchange with one of these.
    #[must_use]
    pub fn new(mechanisms: Vec<Box<dyn Mechanism>>) -> Self {
        Self { mechanisms, state: State::Fresh }
    }

    /// Takes the next token of the client. Bounded: beside what its mechanism keeps, a list of 1024 bytes.
    pub fn step(&mut self, token: &[u8], now: Timestamp) -> Step {
        match mem::replace(&mut self.state, State::Over) {
            State::Fresh if ntlm::is_message(token) => match self.pick(ntlm::OID) {
                Some((_, mechanism)) => self.bare(mechanism, token, now),
                None => Step::Failed(Failure::NoCommonMechanism),
            },
            State::Fresh => self.first(token, now).unwrap_or_else(Step::Failed),
            State::Bare(mechanism) => self.bare(mechanism, token, now),
            State::Negotiated(negotiated) => self.further(negotiated, token, now).unwrap_or_else(Step::Failed),
            State::Over => Step::Failed(Failure::Malformed("a token after the end of the exchange")),
        }
    }

    fn bare(&mut self, mut mechanism: Box<dyn Mechanism>, token: &[u8], now: Timestamp) -> Step {
        let step = mechanism.step(token, now);
        if matches!(step, Step::Continue(_)) {
            self.state = State::Bare(mechanism);
        }
        step
    }

    fn first(&mut self, token: &[u8], now: Timestamp) -> Result<Step, Failure> {
        let initial = InitialToken::decode(token)?;
        if initial.mechanism_list.len() > LIST_BYTES_MAX {
            return Err(Failure::Malformed("a list of mechanisms that is too long"));
        }
        let picked = initial.mechanisms().enumerate().find_map(|(index, oid)| Some((index, self.pick(oid)?)));
        let (index, (name, mechanism)) = picked.ok_or(Failure::NoCommonMechanism)?;
        let list = initial.mechanism_list.to_vec();
        let mut negotiated = Negotiated { mechanism, name: Some(name), list, wants_code: index > 0 };
        // The token in the first message is for the first mechanism only.
        if let Some(inside) = initial.mechanism_token.filter(|_| index == 0) {
            return self.run(negotiated, (inside, None), now);
        }
        let answer = negotiated.answer(None);
        self.state = State::Negotiated(negotiated);
        Ok(Step::Continue(answer))
    }

    fn further(&mut self, negotiated: Negotiated, token: &[u8], now: Timestamp) -> Result<Step, Failure> {
        let response = ResponseToken::decode(token)?;
        if response.state == Some(NegotiationState::Rejected) {
            return Err(Failure::LogonFailure);
        }
        let inside = response.mechanism_token.ok_or(Failure::Malformed("no token of the mechanism"))?;
        self.run(negotiated, (inside, response.list_code), now)
    }

    fn run(
        &mut self,
        mut negotiated: Negotiated,
        (inside, code): (&[u8], Option<&[u8]>),
        now: Timestamp,
    ) -> Result<Step, Failure> {
        match negotiated.mechanism.step(inside, now) {
            Step::Continue(token) => {
                let answer = negotiated.answer(Some(&token));
                self.state = State::Negotiated(negotiated);
                Ok(Step::Continue(answer))
            }
            Step::Done(established) => negotiated.end(established, code).map(Step::Done),
            Step::Failed(failure) => Err(failure),
        }
    }

    fn pick(&mut self, oid: &[u8]) -> Option<(&'static [u8], Box<dyn Mechanism>)> {
        let named = |mechanism: &dyn Mechanism| mechanism.oids().iter().copied().find(|name| *name == oid);
        let (place, name) =
            self.mechanisms.iter().enumerate().find_map(|(at, one)| Some((at, named(one.as_ref())?)))?;
        Some((name, self.mechanisms.swap_remove(place)))
    }
}

impl Negotiated {
    /// An answer that is not the last.
    fn answer(&mut self, token: Option<&[u8]>) -> Vec<u8> {
        let state = Some(NegotiationState::Incomplete);
        ResponseToken { state, mechanism: self.name.take(), mechanism_token: token, list_code: None }.encode()
    }

    /// Verifies the code over the list, when there is one or there has to be one, and answers with ours.
    fn end(&self, established: Established, code: Option<&[u8]>) -> Result<Established, Failure> {
        let has_key = !matches!(established.who, Who::Guest { .. });
        let ours = match code.filter(|_| has_key) {
            Some(code) if self.mechanism.verify_message_code(&self.list, code) => {
                self.mechanism.message_code(&self.list)
            }
            Some(_) => return Err(Failure::LogonFailure),
            None if self.wants_code && matches!(established.who, Who::User { .. }) => {
                return Err(Failure::LogonFailure);
            }
            None => None,
        };
        let inside = Some(established.token.as_slice()).filter(|token| !token.is_empty());
        let last = ResponseToken {
            state: Some(NegotiationState::Completed),
            mechanism: self.name,
            mechanism_token: inside,
            list_code: ours.as_deref(),
        };
        let token = last.encode();
        Ok(Established { token, ..established })
    }
}

impl From<TokenError> for Failure {
    fn from(error: TokenError) -> Self {
        Self::Malformed(match error {
            TokenError::OtherToken => "no SPNEGO token",
            TokenError::Malformed => "a malformed SPNEGO token",
        })
    }
}

/// Longest list of mechanisms that is kept; those of clients have less than 100 bytes.
const LIST_BYTES_MAX: usize = 1024;
