//! Who asks. Immutable once made: every change gives another identity.

use std::fmt;

/// A caller: name, object id, custom data, culture, and the roles it asks for. `USERNAME()` and its kin read it as data.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Identity {
    user_name: Option<String>,
    object_id: Option<String>,
    custom_data: Option<String>,
    culture: Option<String>,
    roles: Vec<String>,
}

impl fmt::Debug for Identity {
    /// Custom data may be a secret between the service and its model.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("user_name", &self.user_name)
            .field("object_id", &self.object_id)
            .field("culture", &self.culture)
            .field("roles", &self.roles)
            .finish_non_exhaustive()
    }
}

impl Identity {
    /// A user with a name, such as `ana@contoso.com`.
    pub fn user(name: impl Into<String>) -> Self {
        Identity {
            user_name: Some(name.into()),
            ..Identity::default()
        }
    }

    /// Nobody in particular. Roles that read the user's name refuse it.
    pub fn anonymous() -> Self {
        Identity::default()
    }

    /// Asks for one more role, by its exact name.
    #[must_use]
    pub fn role(mut self, name: impl Into<String>) -> Self {
        let name = name.into();
        if !self.roles.contains(&name) {
            self.roles.push(name);
        }
        self
    }

    /// Asks for these roles too.
    #[must_use]
    pub fn roles<I>(self, names: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        names.into_iter().fold(self, Identity::role)
    }

    /// What `USEROBJECTID()` gives.
    #[must_use]
    pub fn object_id(mut self, id: impl Into<String>) -> Self {
        self.object_id = Some(id.into());
        self
    }

    /// What `CUSTOMDATA()` gives.
    #[must_use]
    pub fn custom_data(mut self, data: impl Into<String>) -> Self {
        self.custom_data = Some(data.into());
        self
    }

    /// What `USERCULTURE()` gives, for example `en-US`.
    #[must_use]
    pub fn culture(mut self, culture: impl Into<String>) -> Self {
        self.culture = Some(culture.into());
        self
    }

    pub fn user_name(&self) -> Option<&str> {
        self.user_name.as_deref().filter(|name| !is_empty(name))
    }

    pub fn user_object_id(&self) -> Option<&str> {
        self.object_id.as_deref().filter(|id| !is_empty(id))
    }

    pub fn user_custom_data(&self) -> Option<&str> {
        self.custom_data.as_deref()
    }

    pub fn user_culture(&self) -> Option<&str> {
        self.culture.as_deref()
    }

    /// The roles asked for, each once, in the order asked.
    pub fn role_names(&self) -> &[String] {
        &self.roles
    }
}

/// A name that is BLANK or the empty text to DAX would match rows that belong to nobody: it is no name.
fn is_empty(text: &str) -> bool {
    storage::collation_key(text).is_empty()
}
