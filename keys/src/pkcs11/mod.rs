//! `pkcs11:token=TOKEN;object=KEY?module-path=PATH`: an AES key in a hardware security module.

mod name;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::aead::GcmParams;
use cryptoki::object::{Attribute, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;
use storage::{KeyContext, KeyProvider, KeyRefusal, SecretKey, WrappedKey};
use zeroize::Zeroizing;

use crate::ProviderError;
use crate::key_id::of_another;
use crate::surroundings::{Surroundings, secret_file, surroundings};
use name::{Name, PinSource};

pub(crate) const FORM: &str = "pkcs11:token=TOKEN;object=KEY?module-path=PATH[&pin-source=file:PATH|env:NAME], with serial, slot-id or id in place of or beside token and object";

const NONCE: usize = 12;
const TAG: usize = 16;

/// An AES key that never leaves its device: the device encrypts and decrypts with it by AES-GCM, bound to the context of the dataset.
pub struct Pkcs11Key {
    module: Pkcs11,
    name: Name,
    surroundings: Surroundings,
}

impl fmt::Debug for Pkcs11Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pkcs11Key")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// Libraries that were loaded, each once for the life of the process: it is initialized for all who use it, and unloading one under
/// the feet of another user would be fatal.
static MODULES: Mutex<BTreeMap<PathBuf, Pkcs11>> = Mutex::new(BTreeMap::new());

fn module(path: &Path) -> Result<Pkcs11, String> {
    let mut modules = MODULES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(module) = modules.get(path) {
        return Ok(module.clone());
    }
    let shown = path.display();
    let module = Pkcs11::new(path)
        .map_err(|_| format!("{shown} is not a PKCS#11 library that can be loaded"))?;
    match module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        // The service embedding us may use it too.
        Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
        Err(_) => return Err(format!("the PKCS#11 library {shown} does not start")),
    }
    modules.insert(path.to_path_buf(), module.clone());
    Ok(module)
}

impl Pkcs11Key {
    /// From what follows `pkcs11:`, as RFC 7512 writes it.
    pub fn parse(text: &str) -> Result<Pkcs11Key, ProviderError> {
        Pkcs11Key::within(text, surroundings())
            .map_err(|why| ProviderError::wrong("pkcs11", why, FORM))
    }

    pub(crate) fn within(text: &str, surroundings: Surroundings) -> Result<Pkcs11Key, String> {
        let name = Name::parse(text)?;
        Ok(Pkcs11Key {
            module: module(&name.module)?,
            name,
            surroundings,
        })
    }

    fn key_id(&self) -> String {
        format!("pkcs11:{}", self.name.shown)
    }

    /// A session in which the key can be used.
    fn session(&self) -> Result<Session, KeyRefusal> {
        let slot = self.slot()?;
        let session = self
            .module
            .open_ro_session(slot)
            .map_err(|e| self.failed(&e))?;
        if let Some(pin) = self.pin()? {
            match session.login(UserType::User, Some(&AuthPin::new(pin.as_str().into()))) {
                // Who is logged in is so for all sessions of the process.
                Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => {}
                Err(error) => return Err(self.failed(&error)),
            }
        }
        Ok(session)
    }

    fn slot(&self) -> Result<Slot, KeyRefusal> {
        let slots = self
            .module
            .get_slots_with_token()
            .map_err(|e| self.failed(&e))?;
        let mut fitting = slots.into_iter().filter(|slot| {
            let info = self.module.get_token_info(*slot);
            info.is_ok_and(|info| {
                self.name
                    .fits(slot.id(), info.label(), info.serial_number())
            })
        });
        match (fitting.next(), fitting.next()) {
            (Some(slot), None) => Ok(slot),
            (Some(_), Some(_)) => Err(self.denied("several tokens fit; add serial=")),
            // A device that was pulled out does not say no.
            (None, _) => Err(KeyRefusal::Unavailable(format!(
                "{}: there is no such token",
                self.key_id()
            ))),
        }
    }

    fn pin(&self) -> Result<Option<Zeroizing<String>>, KeyRefusal> {
        match &self.name.pin {
            PinSource::None => Ok(None),
            PinSource::File(path) => secret_file(path).map(Some),
            PinSource::Variable(name) => match self.surroundings.get(name) {
                Some(pin) => Ok(Some(pin)),
                None => Err(self.denied(&format!(
                    "the environment has no variable {name} with its PIN"
                ))),
            },
        }
    }

    fn key(&self, session: &Session) -> Result<ObjectHandle, KeyRefusal> {
        let mut template = vec![
            Attribute::Class(ObjectClass::SECRET_KEY),
            Attribute::KeyType(KeyType::AES),
        ];
        template.extend(
            self.name
                .object
                .clone()
                .map(|label| Attribute::Label(label.into_bytes())),
        );
        template.extend(self.name.id.clone().map(Attribute::Id));
        let found = session
            .find_objects(&template)
            .map_err(|e| self.failed(&e))?;
        match found.as_slice() {
            [key] => Ok(*key),
            [] => Err(self.denied("the token has no such AES key, or shows it only after a login")),
            _ => Err(self.denied("several keys fit; add id=")),
        }
    }

    fn denied(&self, why: &str) -> KeyRefusal {
        KeyRefusal::Denied(format!("{}: {why}", self.key_id()))
    }

    /// Devices say no in many ways; what is not one of them is no answer.
    fn failed(&self, error: &Error) -> KeyRefusal {
        let Error::Pkcs11(code, function) = error else {
            return self.denied("the library does not do what PKCS#11 asks of it");
        };
        let why = match code {
            RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange => {
                "its PIN is wrong"
            }
            RvError::PinLocked => "its PIN is locked",
            RvError::PinExpired | RvError::UserPinNotInitialized => "its PIN must be set anew",
            RvError::UserNotLoggedIn => {
                "the key needs a login: say where its PIN is with pin-source"
            }
            RvError::KeyFunctionNotPermitted | RvError::ActionProhibited => {
                "the key may not be used to encrypt and decrypt"
            }
            RvError::MechanismInvalid
            | RvError::MechanismParamInvalid
            | RvError::KeyTypeInconsistent
            | RvError::KeySizeRange
            | RvError::FunctionNotSupported => "the device does not do AES-GCM with this key",
            RvError::KeyHandleInvalid | RvError::ObjectHandleInvalid => "the key is gone",
            _ => {
                return KeyRefusal::Unavailable(format!(
                    "{}: the device does not work ({function} gives {code:?})",
                    self.key_id()
                ));
            }
        };
        self.denied(why)
    }

    /// What comes from the decryption itself: software devices call a wrong tag a general error.
    fn not_ours(&self, error: &Error) -> KeyRefusal {
        match error {
            Error::Pkcs11(
                RvError::EncryptedDataInvalid
                | RvError::EncryptedDataLenRange
                | RvError::DataInvalid
                | RvError::SignatureInvalid
                | RvError::GeneralError
                | RvError::FunctionFailed,
                _,
            ) => self.denied("it did not wrap this, or not for this dataset and generation"),
            other => self.failed(other),
        }
    }
}

fn bound_to(context: &KeyContext) -> Vec<u8> {
    [b"peristyle pkcs11 1\n", context.to_bytes().as_slice()].concat()
}

impl KeyProvider for Pkcs11Key {
    fn wrap(&self, key: &SecretKey, context: &KeyContext) -> Result<WrappedKey, KeyRefusal> {
        let mut nonce = [0u8; NONCE];
        getrandom::fill(&mut nonce).map_err(|_| {
            KeyRefusal::Unavailable("the operating system gives no random numbers".to_owned())
        })?;
        let chosen = nonce;
        let session = self.session()?;
        let with = self.key(&session)?;
        let bound = bound_to(context);
        let params = GcmParams::new(&mut nonce, &bound, (8 * TAG as u64).into());
        let params = params.map_err(|e| self.failed(&e))?;
        let sealed = session
            .encrypt(&Mechanism::AesGcm(params), with, key.bytes())
            .map_err(|e| self.failed(&e))?;
        // Some devices take a nonce of their own choice, which would not be ours to write down.
        if nonce != chosen || sealed.len() != SecretKey::LENGTH + TAG {
            return Err(self.denied("the device does not take the nonce that it is given"));
        }
        Ok(WrappedKey {
            key_id: self.key_id(),
            bytes: [nonce.as_slice(), &sealed].concat(),
        })
    }

    fn unwrap(&self, wrapped: &WrappedKey, context: &KeyContext) -> Result<SecretKey, KeyRefusal> {
        let parts = wrapped.bytes.split_first_chunk::<NONCE>();
        let parts = parts.filter(|(_, sealed)| sealed.len() == SecretKey::LENGTH + TAG);
        let Some((nonce, sealed)) = parts.filter(|_| wrapped.key_id.starts_with("pkcs11:")) else {
            return Err(of_another(&wrapped.key_id, &self.key_id()));
        };
        let mut nonce = *nonce;
        let session = self.session()?;
        let with = self.key(&session)?;
        let bound = bound_to(context);
        let params = GcmParams::new(&mut nonce, &bound, (8 * TAG as u64).into());
        let params = params.map_err(|e| self.failed(&e))?;
        let plain = session
            .decrypt(&Mechanism::AesGcm(params), with, sealed)
            .map(Zeroizing::new)
            .map_err(|e| self.not_ours(&e))?;
        SecretKey::copied(&plain)
            .ok_or_else(|| self.denied("what it decrypts to is no key of ours"))
    }
}
