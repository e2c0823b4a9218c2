//! The prompt for people: history, several lines, completion.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use reedline::{
    ColumnarMenu, EditCommand, Emacs, FileBackedHistory, KeyCode, KeyModifiers, MenuBuilder,
    Prompt, PromptEditMode, PromptHistorySearch, Reedline, ReedlineEvent, ReedlineMenu, Signal,
    ValidationResult, Validator, default_emacs_keybindings,
};

use crate::failure::Failure;
use crate::shell::complete::{Completion, Names};
use crate::shell::state::{Next, Shell};
use crate::shell::statement::{is_complete, without_end};

/// Statements kept between sittings.
const HISTORY_LENGTH: usize = 5_000;

const MENU: &str = "completion";

pub fn run(shell: &mut Shell) -> Result<(), Failure> {
    let names = Arc::new(Mutex::new(Names::of(shell.catalog())));
    let mut editor = editor(&names);
    println!("A query ends with `;` or an empty line. .help lists the commands.");
    loop {
        match editor.read_line(&Mark)? {
            Signal::Success(lines) => {
                match shell.run(without_end(&lines)) {
                    Ok(Next::Go) | Err(Failure::Reported | Failure::Usage) => {}
                    Ok(Next::Quit) => return Ok(()),
                    Err(Failure::OutputClosed) => return Err(Failure::OutputClosed),
                }
                // The statement may have been `.as`: other names exist now.
                *names
                    .lock()
                    .unwrap_or_else(|poisoned| poisoned.into_inner()) = Names::of(shell.catalog());
            }
            Signal::CtrlC => {}
            _ => return Ok(()),
        }
    }
}

fn editor(names: &Arc<Mutex<Names>>) -> Reedline {
    let mut keys = default_emacs_keybindings();
    let complete = vec![
        ReedlineEvent::Menu(MENU.to_owned()),
        ReedlineEvent::MenuNext,
    ];
    keys.add_binding(
        KeyModifiers::NONE,
        KeyCode::Tab,
        ReedlineEvent::UntilFound(complete),
    );
    let new_line = ReedlineEvent::Edit(vec![EditCommand::InsertNewline]);
    keys.add_binding(KeyModifiers::ALT, KeyCode::Enter, new_line);
    let menu = Box::new(ColumnarMenu::default().with_name(MENU));
    let editor = Reedline::create()
        .with_completer(Box::new(Completion {
            names: Arc::clone(names),
        }))
        .with_menu(ReedlineMenu::EngineCompleter(menu))
        .with_edit_mode(Box::new(Emacs::new(keys)))
        .with_validator(Box::new(WholeStatement));
    let file = history_file().filter(|file| keep_private(file).is_ok());
    match file.and_then(|file| FileBackedHistory::with_file(HISTORY_LENGTH, file).ok()) {
        Some(history) => editor.with_history(Box::new(history)),
        // History then lasts as long as the prompt.
        None => editor,
    }
}

/// In the data folder of the user, where one is known.
/// The history holds queries with their literals, and names of users: it is for nobody else to read.
fn keep_private(file: &std::path::Path) -> std::io::Result<()> {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let opened = options.open(file)?;
    #[cfg(unix)]
    opened.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    drop(opened);
    Ok(())
}

fn history_file() -> Option<PathBuf> {
    let folder = |name: &str| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let data = folder("XDG_DATA_HOME")
        .or_else(|| folder("HOME").map(|home| home.join(".local").join("share")))?;
    Some(data.join("peristyle").join("history"))
}

struct WholeStatement;

impl Validator for WholeStatement {
    fn validate(&self, line: &str) -> ValidationResult {
        if is_complete(line) {
            ValidationResult::Complete
        } else {
            ValidationResult::Incomplete
        }
    }
}

/// What stands before the typed lines.
struct Mark;

impl Prompt for Mark {
    fn render_prompt_left(&self) -> Cow<'_, str> {
        Cow::Borrowed("peristyle")
    }

    fn render_prompt_right(&self) -> Cow<'_, str> {
        Cow::Borrowed("")
    }

    fn render_prompt_indicator(&self, _mode: PromptEditMode) -> Cow<'_, str> {
        Cow::Borrowed("> ")
    }

    fn render_prompt_multiline_indicator(&self) -> Cow<'_, str> {
        Cow::Borrowed("      ...> ")
    }

    fn render_prompt_history_search_indicator(&self, search: PromptHistorySearch) -> Cow<'_, str> {
        Cow::Owned(format!("(search: {}) ", search.term))
    }
}
