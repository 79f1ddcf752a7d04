//! The other interface of OpenAI and Azure, `/responses`: what their models from
//! GPT-5.4 on need to think and call tools in one request
//! (<https://developers.openai.com/api/docs/api-reference/responses/create>).
//!
//! Nothing is stored at the provider (`store: false`): the encrypted reasoning
//! that a reply holds is kept and sent back with the calls it led to.

pub mod reply;
pub mod request;
